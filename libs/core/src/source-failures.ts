/** What may keep a source from being read, or what was read from being handed over. Part of the table of all failures. */
export const sourceFailures = {
  'source.client_refused': {
    fault: 'tenant',
    disposition: 'suspend',
    publicMessage:
      "Auth0 does not take the client id and the client secret. Check in Auth0's dashboard that the machine-to-machine application is there, and enter both anew.",
  },
  'source.scope_missing': {
    fault: 'tenant',
    disposition: 'suspend',
    publicMessage:
      "The application may not read the log. In Auth0's dashboard, authorize it for the Auth0 Management API with the scope read:logs.",
  },
  'source.token_refused': {
    fault: 'auth0',
    disposition: 'retry',
    publicMessage: 'Auth0 does not take the access token any more; a fresh one is being fetched.',
  },
  'source.throttled': {
    fault: 'auth0',
    disposition: 'defer',
    publicMessage: 'Auth0 asked us to slow down.',
  },
  'source.unavailable': {
    fault: 'auth0',
    disposition: 'retry',
    publicMessage:
      'Auth0 did not answer as expected. The next run begins where this one stopped; nothing is skipped.',
  },
  'source.unreachable': {
    fault: 'auth0',
    disposition: 'retry',
    publicMessage:
      'Auth0 could not be reached, or did not answer in time. The next run begins where this one stopped; nothing is skipped.',
  },
  'source.garbled': {
    fault: 'auth0',
    disposition: 'retry',
    publicMessage:
      'Auth0 answered with what is no page of log events. The next run begins where this one stopped; nothing is skipped.',
  },
  'source.page_too_large': {
    fault: 'auth0',
    disposition: 'suspend',
    publicMessage:
      'Auth0 answered with more than we read at once, however few log events we asked for. The platform must look into it; nothing is skipped.',
  },
  'source.request_refused': {
    fault: 'us',
    disposition: 'suspend',
    publicMessage:
      'Auth0 refused what we asked for. Check the checkpoint of the source, and the log_id that it starts from.',
  },
  'source.checkpoint_gone': {
    fault: 'auth0',
    disposition: 'reject',
    publicMessage:
      'Auth0 has deleted the log event at the checkpoint. What came after it and was deleted before it was read is lost; we go on with the oldest that is left. Let the source run more often than the retention of your Auth0 plan.',
  },
  'source.silent': {
    fault: 'auth0',
    disposition: 'defer',
    publicMessage:
      "Auth0 has log events that are newer than the checkpoint, and gives us none of them. Check the source's checkpoint, or set it anew.",
  },
  'source.late': {
    fault: 'tenant',
    disposition: 'defer',
    publicMessage:
      'The newest log events that were read are more than seven days old. Check that the source runs often enough for how much is logged.',
  },
  'source.unwanted': {
    fault: 'tenant',
    disposition: 'defer',
    publicMessage:
      'Log events were read that no destination wants: they are kept nowhere. Check the filters of the destinations, or have the source leave out what nobody wants; a replay reads what is missed once more.',
  },
  'source.rejected': {
    fault: 'tenant',
    disposition: 'reject',
    publicMessage:
      'Log events were read that we refuse however often they were sent, and they are kept nowhere: the run names the first ones, each with its reason.',
  },
  'source.no_destination': {
    fault: 'tenant',
    disposition: 'suspend',
    publicMessage:
      'No destination takes the type of log events that this source gives, so nothing is read. Make one whose filter has it, or switch it on; the next run goes on where this one stopped, and nothing is skipped.',
  },
  'source.domain_unknown': {
    fault: 'tenant',
    disposition: 'suspend',
    publicMessage:
      "There is no such domain. Check the source's domain for a mistyped letter: it is the Auth0 tenant's own, not a custom one.",
  },
  'source.domain_not_allowed': {
    fault: 'us',
    disposition: 'suspend',
    publicMessage:
      "The platform does not let us ask at this domain. It must be the Auth0 tenant's own, such as acme.eu.auth0.com.",
  },
  'source.missing': {
    fault: 'us',
    disposition: 'suspend',
    publicMessage: 'The source was removed.',
  },
  'source.unreadable': {
    fault: 'us',
    disposition: 'suspend',
    publicMessage: 'What is stored of the source cannot be read. Store it anew.',
  },
  'source.changing': {
    fault: 'us',
    disposition: 'defer',
    publicMessage:
      'The source has just been changed, and not every process of ours knows it yet. It goes on with the next run.',
  },
  'source.backlog_full': {
    fault: 'tenant',
    disposition: 'defer',
    publicMessage:
      'So much waits for the destinations of this tenant that no more is taken. Mend the destination that does not work; the next run goes on where this one stopped, and nothing is skipped.',
  },
  'source.ingest_unavailable': {
    fault: 'us',
    disposition: 'defer',
    publicMessage:
      'Our own ingest took no log events for a while. The next run goes on where this one stopped; nothing is skipped.',
  },
  'source.ingest_refused': {
    fault: 'us',
    disposition: 'suspend',
    publicMessage:
      'Our own ingest refused what the poller sent. The checkpoint stays where it is until that is mended; nothing is skipped.',
  },
  'source.fault': {
    fault: 'us',
    disposition: 'defer',
    publicMessage:
      'A fault of ours ended the run. The next one goes on where it stopped; nothing is skipped.',
  },
} as const;
