import { type Static, Type } from '@sinclair/typebox'
import { oneOf, ratio, webUrl } from './kinds.ts'

/** The values of `OTEL_TRACES_SAMPLER` that are supported. */
const SAMPLERS = [
  'always_on',
  'always_off',
  'traceidratio',
  'parentbased_always_on',
  'parentbased_always_off',
  'parentbased_traceidratio',
] as const

/** The variables of the OpenTelemetry specification that decide whether and where; its SDK reads the others itself. */
export const tracingVariables = {
  OTEL_SDK_DISABLED: Type.String({ default: 'false' }),
  OTEL_TRACES_EXPORTER: oneOf(['otlp', 'none'], 'otlp'),
  OTEL_EXPORTER_OTLP_ENDPOINT: Type.Optional(webUrl),
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: Type.Optional(webUrl),
  OTEL_EXPORTER_OTLP_PROTOCOL: oneOf(['http/protobuf', 'http/json'], 'http/protobuf'),
  OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: Type.Optional(oneOf(['http/protobuf', 'http/json'])),
  OTEL_SERVICE_NAME: Type.String({ default: 'doable' }),
  OTEL_TRACES_SAMPLER: oneOf(SAMPLERS, 'parentbased_always_on'),
  OTEL_TRACES_SAMPLER_ARG: ratio('1'),
}

/** Where traces go and which are kept. */
export interface Tracing {
  /** Where spans are posted to, by OTLP over HTTP. */
  readonly url: string
  readonly protocol: 'http/protobuf' | 'http/json'
  readonly serviceName: string
  readonly sampler: (typeof SAMPLERS)[number]
  /** Of the traces that begin here, the part that a `traceidratio` samples. */
  readonly ratio: number
}

const variables = Type.Object(tracingVariables)

/** Undefined where no collector is named or the export is turned off. */
export function readTracing(values: Static<typeof variables>): Tracing | undefined {
  const base = values.OTEL_EXPORTER_OTLP_ENDPOINT?.replace(/\/+$/, '')
  const url = values.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT ?? (base === undefined ? undefined : `${base}/v1/traces`)
  const off = values.OTEL_SDK_DISABLED.toLowerCase() === 'true' || values.OTEL_TRACES_EXPORTER === 'none'
  if (url === undefined || off) return undefined
  return {
    url,
    protocol: values.OTEL_EXPORTER_OTLP_TRACES_PROTOCOL ?? values.OTEL_EXPORTER_OTLP_PROTOCOL,
    serviceName: values.OTEL_SERVICE_NAME,
    sampler: values.OTEL_TRACES_SAMPLER,
    ratio: Number(values.OTEL_TRACES_SAMPLER_ARG),
  }
}
