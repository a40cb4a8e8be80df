# One image for every process; which one it runs is its command: node dist/apps/ingest/src/main.js, …
FROM node:24.21.0-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --include=dev --ignore-scripts --no-audit --no-fund
COPY nest-cli.json tsconfig.json tsconfig.build.json ./
COPY apps apps
COPY libs libs
COPY tools tools
RUN npm run build

# What runs needs neither compiler nor tests. The Node that npm brings along for other machines is left out: this image has it.
FROM node:24.21.0-bookworm-slim AS packages
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --omit=optional --ignore-scripts --no-audit --no-fund

FROM node:24.21.0-bookworm-slim
ENV NODE_ENV=production
WORKDIR /app
COPY --from=packages /app/node_modules node_modules
COPY --from=build /app/dist dist
COPY package.json LICENSE ./
RUN mkdir -p /var/lib/logferry /certificates && chown node:node /var/lib/logferry /certificates
USER node
VOLUME /var/lib/logferry
# Started without npm, so that the process hears signals itself and stops in order.
CMD ["node", "--enable-source-maps", "dist/apps/ingest/src/main.js"]
