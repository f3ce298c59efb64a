import { AlwaysOffSampler, AlwaysOnSampler, ParentBasedSampler, type Sampler, TraceIdRatioBasedSampler } from "@opentelemetry/sdk-trace";
import type { SamplerSetting } from "./telemetry-settings.ts";

/** OpenTelemetry's own sampler for what `OTEL_TRACES_SAMPLER` asks for. */
export function samplerOf(setting: SamplerSetting): Sampler {
  const root = rootSampler(setting);
  return setting.parentBased ? new ParentBasedSampler({ root }) : root;
}

function rootSampler(setting: SamplerSetting): Sampler {
  if (setting.root === "always_off") return new AlwaysOffSampler();
  return setting.root === "traceidratio" ? new TraceIdRatioBasedSampler(setting.ratio) : new AlwaysOnSampler();
}
