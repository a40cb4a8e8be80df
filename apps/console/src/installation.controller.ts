import { Controller, Get, Inject } from '@nestjs/common';
import type { InstallationView } from './installation-view';

export const INSTALLATION = Symbol('Installation');

@Controller('/v1/installation')
export class InstallationController {
  constructor(@Inject(INSTALLATION) private readonly look: () => Promise<InstallationView>) {}

  @Get()
  show(): Promise<InstallationView> {
    return this.look();
  }
}
