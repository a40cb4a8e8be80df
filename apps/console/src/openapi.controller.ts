import { Controller, Get, Header } from '@nestjs/common';
import { docsPage } from './docs-page';
import { openApiDocument } from './openapi-document';

/** What the API is, for programs and for people. */
@Controller()
export class OpenApiController {
  private readonly document = openApiDocument();
  private readonly page = docsPage(this.document);

  @Get('/v1/openapi.json')
  json(): object {
    return this.document;
  }

  @Get('/docs')
  @Header('content-type', 'text/html; charset=utf-8')
  docs(): string {
    return this.page;
  }
}
