/** Downloads that are continued when their connection was cut. @module */
import type { OwnedSource } from "../../core/byte_stream.ts";
import { isJumpstarterError, JumpstarterError, messageOf } from "../../core/errors.ts";
import { pause } from "../../core/limit.ts";
import type { Response } from "./connection.ts";
import { codingIn } from "./encoded.ts";
import { type Answer, failed, get, hasHeader, type Headers, refusal } from "./request.ts";

/** How often a download is continued. */
const maxContinuations = 20;

/** How long it waits for the server to be there again, in milliseconds; twice as long each time, until bytes come. */
const waitMs = { first: 100, most: 8_000 };

/** A file that comes from a web server. */
export interface Download extends OwnedSource {
  /** How long it is, where the server says so. */
  readonly size?: number;
  /** Where it came from in the end. */
  readonly url: string;
  /** The coding that the server says it is sent in. */
  readonly coding?: string;
}

/**
 * A file that is asked for again, by the rest of it, when the connection was cut. `If-Range` names the version that was
 * begun, so that no file is put together from two. The URL is the one that was given: where it redirects, it may have
 * to lead elsewhere by then.
 */
export class ContinuedDownload implements Download {
  readonly size?: number;
  readonly url: string;
  readonly coding?: string;
  readonly #url: string;
  readonly #headers: Headers;
  readonly #signal: AbortSignal;
  readonly #closed: AbortController;
  readonly #version: string | undefined;
  #answer: Answer;
  #received = 0;
  #count = 0;
  #waitMs = waitMs.first;

  private constructor(url: string, headers: Headers, signal: AbortSignal, closed: AbortController, answer: Answer) {
    this.#url = url;
    this.#headers = headers;
    this.#signal = signal;
    this.#closed = closed;
    this.#answer = answer;
    this.#version = versionOf(answer.response);
    this.size = answer.response.size;
    this.url = answer.url;
    this.coding = codingIn(answer.response.headers);
  }

  static async begin(url: string, headers: Headers, given: AbortSignal): Promise<ContinuedDownload> {
    const closed = new AbortController();
    const signal = AbortSignal.any([given, closed.signal]);
    const answer = await get(url, headers, signal);
    const { status } = answer.response;
    // Who asks for the whole file must not take a part of it, or a promise, for that.
    const isOther = !hasHeader(headers, "range") && status > 200 && status < 300 && status !== 203;
    const refused = isOther ? `The server answers ${status} instead of with the file` : refusal(answer.response);
    if (!refused) return new ContinuedDownload(url, headers, signal, closed, answer);
    answer.connection.close();
    throw failed("GET", answer.url, refused, signal);
  }

  async next(): Promise<Uint8Array | undefined> {
    for (;;) {
      try {
        const piece = await this.#answer.response.body.next();
        if (piece) {
          this.#received += piece.length;
          this.#waitMs = waitMs.first;
        } else if (this.size !== undefined && this.#received < this.size) {
          throw new JumpstarterError("unavailable", `The server sent ${this.#received} of ${this.size} bytes`);
        }
        return piece;
      } catch (error) {
        if (this.#signal.aborted || !isCut(error)) throw this.#failed(error);
        await this.#continue(error);
      }
    }
  }

  close(): void {
    this.#closed.abort(new JumpstarterError("canceled", "The download was given up"));
    this.#answer.connection.close();
  }

  async #continue(cut: unknown): Promise<void> {
    this.#answer.connection.close();
    // Who asks for a part of a file is better off asking for that part again.
    if (hasHeader(this.#headers, "range")) throw this.#failed(cut);
    if (this.#version === undefined) {
      throw this.#impossible(cut, "the server names no version of it, by a strong ETag or by Last-Modified");
    }
    const headers = { ...this.#headers, "Range": `bytes=${this.#received}-`, "If-Range": this.#version };
    while (this.#count++ < maxContinuations) {
      await pause(this.#waitMs, this.#signal);
      this.#waitMs = Math.min(2 * this.#waitMs, waitMs.most);
      let answer: Answer;
      try {
        answer = await get(this.#url, headers, this.#signal);
      } catch (error) {
        if (this.#signal.aborted || isJumpstarterError(error, "invalid_argument")) throw error;
        continue;
      }
      const why = this.#refusal(answer.response);
      if (!why) {
        this.#answer = answer;
        return;
      }
      answer.connection.close();
      const { status } = answer.response;
      if (status < 500 && status !== 429) throw this.#impossible(cut, why);
    }
    throw this.#failed(`${messageOf(cut)}; ${maxContinuations} times it was tried to continue the file`);
  }

  /** Why a response is not the rest of the file, or nothing. */
  #refusal(response: Response): string | undefined {
    const { status, headers } = response;
    const version = versionOf(response);
    const changed = "it is another file by now";
    if (status === 200) return version === this.#version ? "the server sends no part of it" : changed;
    if (status === 416) return changed;
    if (status !== 206) return `the server answers ${status} by now`;
    const [, start, total] = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(headers.get("content-range") ?? "") ?? [];
    if (Number(start) !== this.#received) return "the server sends another part of it than it was asked for";
    const isOther = version !== undefined && version !== this.#version ||
      this.size !== undefined && total !== "*" && Number(total) !== this.size;
    return isOther ? changed : undefined;
  }

  #impossible(cut: unknown, why: string): unknown {
    return this.#failed(`${messageOf(cut)}; the file cannot be continued, because ${why}`);
  }

  #failed(why: unknown): unknown {
    return failed("GET", this.#answer.url, why, this.#signal);
  }
}

/** What names this version of the file for certain: a strong ETag, or a date of which there can be one version only. */
function versionOf({ headers }: Response): string | undefined {
  const etag = headers.get("etag");
  if (etag?.startsWith('"')) return etag;
  const modified = headers.get("last-modified");
  const ageMs = Date.parse(headers.get("date") ?? "") - Date.parse(modified ?? "");
  return ageMs >= 1_000 ? modified : undefined;
}

/** Whether the connection is to blame, and not what came over it. */
function isCut(error: unknown): boolean {
  return !isJumpstarterError(error) || isJumpstarterError(error, "unavailable", "deadline_exceeded");
}
