import { BrokerDesk } from '@logferry/runtime';
import { ConfigStore } from '@logferry/store';
import { AccountSetupDesk } from './account-setup-desk';
import { CONSOLE_CONFIG, type ConsoleConfig } from './config';
import { ResealDesk } from './reseal-desk';

/** What connecting an AWS account consists of. */
export function connectionParts() {
  return [
    {
      provide: AccountSetupDesk,
      inject: [ConfigStore, BrokerDesk, CONSOLE_CONFIG],
      useFactory: (store: ConfigStore, broker: BrokerDesk, config: ConsoleConfig) => {
        const { stackTemplateUrl } = config;
        return new AccountSetupDesk({
          store,
          broker,
          platform: platformOf(config),
          stackTemplateUrl,
        });
      },
    },
    {
      provide: ResealDesk,
      inject: [ConfigStore, BrokerDesk, CONSOLE_CONFIG],
      useFactory: (store: ConfigStore, broker: BrokerDesk, { readOnly }: ConsoleConfig) =>
        new ResealDesk({ store, broker, readOnly }),
    },
  ];
}

function platformOf({ issuerUrl, platformPrincipal, sessionTagging }: ConsoleConfig) {
  return { issuerUrl, principalArn: platformPrincipal, hasSessionTags: sessionTagging !== 'off' };
}
