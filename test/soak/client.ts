import { Agent, request } from "node:http";
import { type ClientHttp2Session, connect } from "node:http2";

/** What came of a call, as its caller saw it. */
export interface Reply {
  /** Null: no head came. */
  readonly status: number | null;
  /** Code of a refusal of the broker; null: none, or the destination's own. */
  readonly code: string | null;
  readonly text: string;
  /** `whole`: its framing is complete; `cut`: the connection or the stream broke; `left`: we hung up; `late`: it did not end in its time. */
  readonly end: "whole" | "cut" | "left" | "late";
  readonly error: string | null;
}

export interface Question {
  readonly port: number;
  readonly protocol: "h1" | "h2";
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer | string;
  /** Milliseconds after which we hang up; null: never. */
  readonly leaveAfterMs: number | null;
  /** Milliseconds for which we read nothing after the first bytes. */
  readonly pauseMs: number;
  /** A call that is not over then hangs. */
  readonly boundMs: number;
}

/** Callers of the soak: connections are kept, as SDKs keep them. */
export interface Client {
  ask(question: Question): Promise<Reply>;
  /** Closes all connections. */
  close(): void;
}

export function createClient(): Client {
  const agent = new Agent({ keepAlive: true, maxSockets: 512 });
  const sessions = new Map<number, ClientHttp2Session>();

  function session(port: number): ClientHttp2Session {
    const known = sessions.get(port);
    if (known !== undefined && !known.closed && !known.destroyed) return known;
    const made = connect(`http://127.0.0.1:${port}`);
    made.on("error", () => {});
    made.once("close", () => {
      if (sessions.get(port) === made) sessions.delete(port);
    });
    // A server that goes away says so: no new call belongs there.
    made.once("goaway", () => {
      if (sessions.get(port) === made) sessions.delete(port);
    });
    sessions.set(port, made);
    return made;
  }

  function askH1(question: Question): Promise<Reply> {
    return new Promise((settle) => {
      const state = begin(settle, question, () => asked.destroy());
      const asked = request(
        { host: "127.0.0.1", port: question.port, agent, method: question.method, path: question.path, headers: question.headers },
        (answer) => {
          state.head(answer.statusCode ?? 0, answer.headers["x-egress-error"]);
          answer.setEncoding("utf8");
          answer.on("data", (part: string) => {
            state.text(part);
            if (state.pauseOnce()) {
              answer.pause();
              setTimeout(() => answer.resume(), question.pauseMs);
            }
          });
          answer.once("end", () => state.end(answer.complete ? "whole" : "cut", null));
          answer.once("error", (error) => state.end("cut", error.message));
          answer.once("close", () => state.end("cut", "closed"));
        },
      );
      asked.once("error", (error) => state.end("cut", error.message));
      asked.end(question.body);
    });
  }

  function askH2(question: Question): Promise<Reply> {
    return new Promise((settle) => {
      const stream = session(question.port).request({ ":method": question.method, ":path": question.path, ":authority": "soak", ...question.headers });
      const state = begin(settle, question, () => stream.close(8));
      stream.setEncoding("utf8");
      stream.on("response", (headers) => state.head(Number(headers[":status"]), headers["x-egress-error"]));
      stream.on("data", (part: string) => {
        state.text(part);
        if (state.pauseOnce()) {
          stream.pause();
          setTimeout(() => stream.resume(), question.pauseMs);
        }
      });
      // Node ends a stream that was reset as if it were whole: only its code tells.
      stream.once("close", () => state.end(stream.rstCode === 0 ? "whole" : "cut", `code ${stream.rstCode}`));
      stream.once("error", (error) => state.end("cut", error.message));
      stream.end(question.body);
    });
  }

  return {
    ask: (question) => (question.protocol === "h1" ? askH1(question) : askH2(question)),
    close() {
      agent.destroy();
      for (const open of sessions.values()) open.destroy();
    },
  };
}

/** Puts a reply together; `stop` breaks the call off. */
function begin(settle: (reply: Reply) => void, { leaveAfterMs, pauseMs, boundMs }: Question, stop: () => void) {
  const parts: string[] = [];
  let status: number | null = null;
  let code: string | null = null;
  let over = false;
  let paused = pauseMs === 0;
  const end = (how: Reply["end"], error: string | null): void => {
    if (over) return;
    over = true;
    clearTimeout(bound);
    clearTimeout(leaving);
    settle({ status, code, text: parts.join(""), end: how, error });
  };
  const leave = (how: "left" | "late") => () => {
    end(how, null);
    stop();
  };
  const bound = setTimeout(leave("late"), boundMs);
  const leaving = leaveAfterMs === null ? undefined : setTimeout(leave("left"), leaveAfterMs);
  return {
    head(given: number, refusal: string | readonly string[] | undefined): void {
      status = given;
      code = refusal === undefined ? null : String(refusal);
    },
    text: (part: string) => void parts.push(part),
    pauseOnce(): boolean {
      if (paused) return false;
      paused = true;
      return true;
    },
    end,
  };
}
