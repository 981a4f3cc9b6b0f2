/** What a session says about itself. @module */
import { ExporterStatus } from "../wire/exporter_messages.ts";

export { ExporterStatus };

/** A session's status with its history of one, and a version that counts every update. */
export class Status {
  current = ExporterStatus.AVAILABLE;
  previous?: ExporterStatus;
  message?: string;
  version = 0;

  /** Sets the status. The version counts even when the value stays, so that a client notices what it missed. */
  update(status: ExporterStatus, message: string): void {
    this.previous = this.current;
    this.current = status;
    this.message = message;
    this.version++;
  }
}
