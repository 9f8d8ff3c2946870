import { toJsonSchema } from '@valibot/to-json-schema'
import type * as v from 'valibot'
import { build } from '../../daemon/build.ts'
import { apiError } from '../../protocol/api.ts'
import type { Operation } from './operation.ts'
import { operations } from './operations.ts'

/** The OpenAPI document, made from the decoders that the routes use. */
export function openApiDocument(): object {
  const paths: Record<string, Record<string, object>> = {}
  for (const operation of Object.values(operations)) {
    const path = operation.url.replaceAll(/:(\w+)/g, '{$1}')
    paths[path] = { ...paths[path], [operation.method.toLowerCase()]: describe(operation) }
  }
  return {
    openapi: '3.0.3',
    info: { title: 'guardian coordinator', version: build.split(' ').at(-1) },
    components: { securitySchemes: { token: { type: 'http', scheme: 'bearer' } } },
    paths,
  }
}

function describe(operation: Operation): object {
  const { summary, may, params, querystring, body, answer, status, refusal = apiError } = operation
  return {
    summary,
    description: may === 'anyone' ? 'Needs no token.' : `Over TCP: a token that may ${may}.`,
    ...(may === 'anyone' ? {} : { security: [{ token: [] }] }),
    parameters: [...parametersOf(params, 'path'), ...parametersOf(querystring, 'query')],
    ...(body === undefined
      ? {}
      : { requestBody: { required: true, content: { 'application/json': { schema: jsonSchema(body, 'input') } } } }),
    responses: {
      [status]: { description: 'Done.', content: contentOf(answer, operation.isStream) },
      ...(may === 'anyone'
        ? {}
        : {
            default: {
              description: 'Refused.',
              content: { 'application/json': { schema: jsonSchema(refusal, 'output') } },
            },
          }),
    },
  }
}

function contentOf(answer: v.GenericSchema | null, isStream: Operation['isStream']): object {
  if (answer === null) return { 'text/plain': { schema: { type: 'string' } } }
  const schema = jsonSchema(answer, 'output')
  return {
    ...(isStream === true ? {} : { 'application/json': { schema } }),
    ...(isStream === undefined ? {} : { 'text/event-stream': { schema } }),
  }
}

function parametersOf(schema: v.GenericSchema | undefined, place: 'path' | 'query'): readonly object[] {
  if (schema === undefined) return []
  const { properties, required } = mergedProperties(jsonSchema(schema, 'input'))
  return Object.entries(properties).map(([name, property]) => ({
    name,
    in: place,
    required: place === 'path' || required.has(name),
    schema: property,
  }))
}

interface Properties {
  readonly properties: Readonly<Record<string, unknown>>
  readonly required: ReadonlySet<string>
}

/** Of a choice between objects: every property of any, required where all require it. */
function mergedProperties(schema: ReturnType<typeof jsonSchema>): Properties {
  const options = (schema.anyOf ?? schema.oneOf ?? [schema]).filter((option) => typeof option === 'object')
  const required = options.map((option) => new Set(option.required ?? []))
  const [first = new Set<string>(), ...rest] = required
  const merged: Record<string, unknown> = {}
  for (const option of options) {
    for (const [name, property] of Object.entries(option.properties ?? {})) {
      const known = merged[name]
      merged[name] = known === undefined ? property : { anyOf: [known, property] }
    }
  }
  return { properties: merged, required: new Set([...first].filter((name) => rest.every((each) => each.has(name)))) }
}

function jsonSchema(schema: v.GenericSchema, typeMode: 'input' | 'output') {
  const { $schema: _, ...rest } = toJsonSchema(schema, { typeMode, errorMode: 'ignore' })
  return rest
}
