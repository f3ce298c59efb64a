import { createUndiciTransport } from "../../../adapters/transport/undici-transport.ts";
import { describeTransport } from "../../contracts/transport.ts";

describeTransport("the transport of Node", () => createUndiciTransport());
