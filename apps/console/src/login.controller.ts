import { Body, Controller, Get, Header, Inject, Ip, Post, Query, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { isHttps } from './guard-console';
import { html, page } from './html';
import { Login } from './login';

@Controller()
export class LoginController {
  constructor(@Inject(Login) private readonly login: Login) {}

  @Get('/login')
  @Header('content-type', 'text/html; charset=utf-8')
  form(@Query('next') next: unknown): string {
    return loginPage(localPath(next), '');
  }

  @Post('/login')
  enter(
    @Body() body: { password?: unknown; next?: unknown } | undefined,
    @Ip() ip: string,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): void {
    const next = localPath(body?.next);
    const mayTry = this.login.mayTry(ip);
    const cookie = this.login.open(textOf(body?.password), ip, isHttps(request));
    if (cookie === undefined) {
      const why = mayTry ? 'That is not the password.' : 'Too many tries; wait a minute.';
      reply
        .code(mayTry ? 401 : 429)
        .type('text/html; charset=utf-8')
        .send(loginPage(next, why));
      return;
    }
    reply.header('set-cookie', cookie).redirect(next, 303);
  }

  @Get('/logout')
  leave(@Req() request: FastifyRequest, @Res() reply: FastifyReply): void {
    reply.header('set-cookie', this.login.close(isHttps(request))).redirect('/login', 303);
  }
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** Only ever a place of this console: anything else would make the login a springboard to other sites. */
function localPath(next: unknown): string {
  return typeof next === 'string' && /^\/(?![/\\])[\w/?=&.%~-]*$/.test(next) ? next : '/';
}

function loginPage(next: string, problem: string): string {
  return page(
    'Log in',
    html`<h1>Logferry</h1>
      <form method="post" action="/login">
        <input type="hidden" name="next" value="${next}" />
        <label
          >Password
          <input type="password" name="password" autocomplete="current-password" autofocus required
        /></label>
        <button>Log in</button>
      </form>
      <p class="bad">${problem}</p>`,
  );
}
