import type * as v from 'valibot'
import type { May } from './api.ts'

/** One thing that the API can be asked, as the routes serve it and the OpenAPI document shows it. */
export interface Operation {
  readonly method: 'GET' | 'POST'
  readonly url: string
  readonly may: May
  readonly summary: string
  readonly params?: v.GenericSchema
  readonly querystring?: v.GenericSchema
  readonly body?: v.GenericSchema
  /** null where the answer is text. */
  readonly answer: v.GenericSchema | null
  /** Absent: as everywhere. */
  readonly refusal?: v.GenericSchema
  readonly status: 200 | 202
  readonly isStream?: true | 'if asked'
}
