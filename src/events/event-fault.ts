/** Why an event cannot be taken, now or ever. `status` is what an HTTP sender gets; its message is for the sender and quotes nothing of the event. */
export class EventFault extends Error {
  override readonly name = "EventFault";
  /** 400: malformed. 413: too large. 415: a format that is not read. */
  readonly status: 400 | 413 | 415;

  constructor(message: string, status: 400 | 413 | 415 = 400) {
    super(message);
    this.status = status;
  }
}
