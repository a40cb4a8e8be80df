/** What goes back over the wire, before the server adds the date and the length. */
export interface Answer {
  readonly httpStatus: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer | string;
}
