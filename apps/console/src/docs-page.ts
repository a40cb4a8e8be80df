import { html, navigation, page, type Html } from './html';
import type { OpenApiDocument } from './openapi-document';

interface Operation {
  summary: string;
  tags: string[];
  parameters: { name: string; in: string; description?: string }[];
  requestBody?: { content: Record<string, { example?: object; schema?: { $ref?: string } }> };
  responses: Record<string, { description: string }>;
}

/** The API for people: address by address, with what each takes and answers, and an example of what is sent. */
export function docsPage({ paths, components }: OpenApiDocument): string {
  const all = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      path,
      method: method.toUpperCase(),
      operation: operation as unknown as Operation,
    })),
  );
  const tags = [...new Set(all.map(({ operation }) => operation.tags[0] ?? ''))];
  return page(
    'API',
    html`${navigation}
      <h1>API</h1>
      <p>
        With the console's login, its password as Basic authentication, or a key:
        <code>Authorization: Bearer lf_…</code>. The same for programs:
        <a href="/v1/openapi.json">openapi.json</a>
      </p>
      ${tags.map(
        (tag) =>
          html`<h2>${tag}</h2>
            ${all.filter(({ operation }) => operation.tags[0] === tag).map(operationPart)}`,
      )}
      <h2>Schemas</h2>
      ${Object.entries(components.schemas).map(
        ([name, schema]) =>
          html`<details id="${name}">
            <summary>${name}</summary>
            <pre>${JSON.stringify(schema, null, 2)}</pre>
          </details>`,
      )}`,
  );
}

function operationPart({
  path,
  method,
  operation,
}: {
  path: string;
  method: string;
  operation: Operation;
}): Html {
  const { summary, parameters, requestBody, responses } = operation;
  const [type, content] = Object.entries(requestBody?.content ?? {})[0] ?? [];
  const schema = content?.schema?.$ref?.split('/').at(-1);
  return html`<h3><code>${method} ${path}</code></h3>
    <p>${summary}</p>
    <table>
      ${parameters.map(
        (parameter) =>
          html`<tr>
            <td><code>${parameter.name}</code> <span class="dim">${parameter.in}</span></td>
            <td>${parameter.description ?? ''}</td>
          </tr>`,
      )}
      ${Object.entries(responses).map(
        ([status, { description }]) =>
          html`<tr>
            <td>${status}</td>
            <td>${description}</td>
          </tr>`,
      )}
    </table>
    ${
      type === undefined
        ? html``
        : html`<p class="dim">
            Body: ${type}${schema === undefined ? '' : html`, <a href="#${schema}">${schema}</a>`}
          </p>`
    }
    ${content?.example === undefined ? html`` : html`<pre>${JSON.stringify(content.example, null, 2)}</pre>`}`;
}
