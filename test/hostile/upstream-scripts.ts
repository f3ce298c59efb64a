import type { Socket } from "node:net";
import { type Answer, chunk, reply, STREAM_HEAD } from "../fakes/upstream.ts";
import { chatAnswer, chatEvent, DONE } from "./chat-bytes.ts";

/** A hostile answer by name. */
export type Scripts = Readonly<Record<string, Answer>>;

/** Answers a chat call as a good provider would, streamed where it was asked for; the words tell which provider it was. */
export function answerChat(word = "x"): Answer {
  return (socket, request) => {
    if (!/"stream":\s*true/.test(request.body.toString("latin1"))) socket.write(reply(chatAnswer(word)));
    else socket.write(`${STREAM_HEAD}${[0, 1, 2].map((index) => chunk(chatEvent(index, word))).join("")}${chunk(DONE)}${chunk("")}`);
  };
}

/** Never answers. */
export const silence: Answer = () => {};

/** A status with a small error of the API. */
export function refuseWith(status: number, headers: Readonly<Record<string, string>> = {}): Answer {
  return (socket) => void socket.write(reply('{"error":{"message":"made up","type":"made_up"}}', headers, status));
}

/** Sends a head and `events` events of a stream, each as a chunk of its own, then does `then`. */
export function stream(events: number, then: (socket: Socket) => void, gapMs = 20): Answer {
  return async (socket) => {
    socket.write(STREAM_HEAD);
    for (let index = 0; index < events && !socket.destroyed; index++) {
      socket.write(chunk(chatEvent(index)));
      await new Promise((settle) => setTimeout(settle, gapMs));
    }
    then(socket);
  };
}

/** Streams that break after three events. A caller gets all three, an error event, a broken connection, and no end marker (F8, F9). */
export const DYING_STREAMS: Scripts = {
  "a reset": stream(3, (socket) => socket.resetAndDestroy()),
  "an end without the last chunk": stream(3, (socket) => void socket.end()),
  "an end inside an event": stream(3, (socket) => void socket.end(chunk(chatEvent(3)).slice(0, 30))),
  "a bad chunk size": stream(3, (socket) => void socket.write("zz\r\nnope\r\n")),
  "a chunk size that overflows": stream(3, (socket) => void socket.write("ffffffffffffffffff\r\nx")),
  "bytes that are no chunk": stream(3, (socket) => void socket.write("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")),
  "a proper end without [DONE]": stream(3, (socket) => void socket.write(chunk(""))),
  "a proper end inside an event": stream(3, (socket) => void socket.write(`${chunk(chatEvent(3).slice(0, 30))}${chunk("")}`)),
};

const whole = chatAnswer("z".repeat(500));
const cut = whole.slice(0, 200);

/** Answers that are no whole answers. A caller gets 502, or a broken connection where bytes had left already; never 500, never a complete answer (F12). */
export const CUT_ANSWERS: Scripts = {
  "JSON short of its content-length": (socket) => {
    socket.write(`HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${whole.length}\r\n\r\n${cut}`);
    setTimeout(() => socket.destroy(), 50);
  },
  "JSON cut, in chunks": (socket) => {
    socket.write(`HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n${chunk(cut)}`);
    setTimeout(() => socket.destroy(), 50);
  },
  "no answer at all": (socket) => void socket.destroy(),
  "a garbage status line": (socket) => void socket.end("HTCPCP/9.9 oops\r\n\r\n"),
  "a status that is no number": (socket) => void socket.end("HTTP/1.1 two OK\r\n\r\n"),
  "a length and chunks": (socket) =>
    void socket.end(`HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n${chunk(whole)}${chunk("")}`),
  "two lengths": (socket) =>
    void socket.end(`HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 5\r\ncontent-length: ${whole.length}\r\n\r\n${whole}`),
  "a length that is no number": (socket) => void socket.end(`HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: +2\r\n\r\n{}`),
  "an unknown transfer coding": (socket) =>
    void socket.end(`HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: gzip\r\n\r\n${chunk(whole)}${chunk("")}`),
  "chunked, and a tab": (socket) => void socket.end(`HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\t\r\n\r\n${chunk(cut)}`),
  "chunked, and not last": (socket) =>
    void socket.end(`HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked, identity\r\n\r\n${chunk(whole)}${chunk("")}`),
  "a bare CR in a header": (socket) =>
    void socket.end("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nx-a: 1\rset-cookie: injected=1\r\ncontent-length: 2\r\n\r\n{}"),
  "a NUL in a header": (socket) => void socket.end("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nx-a: a\0b\r\ncontent-length: 2\r\n\r\n{}"),
  "a head cut short": (socket) => void socket.end("HTTP/1.1 200 OK\r\ncontent-type: appli"),
  "a head of a megabyte": (socket) => void socket.end(`HTTP/1.1 200 OK\r\nx-a: ${"a".repeat(1_048_576)}\r\ncontent-length: 2\r\n\r\n{}`),
  "bytes of another protocol": (socket) => void socket.end(Buffer.from([0x15, 0x03, 0x01, 0x00, 0x02, 0x02, 0x46])),
};
