/** A destination as the console names it; of one that variables make, with the scope at which they are set. */
export interface Place {
  tenant: string;
  destination: string;
  scope?: string;
}

/** The id of one that variables make is a digest, which tells nobody what to look at. */
export function placeText({ tenant, destination, scope }: Place): string {
  const made = scope === undefined ? '' : ` (variables of ${scope === '' ? 'the tenant' : scope})`;
  return `${tenant}/${destination}${made}`;
}
