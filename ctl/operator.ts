import { userInfo } from 'node:os'
import type { World } from './world.ts'

/** Who gives the order: the user behind sudo where there is one. */
export function operatorName(env: World['env']): string {
  const name = nameOf(env).replaceAll(/[^A-Za-z0-9._-]/g, '-')
  return /^[A-Za-z0-9]/.test(name) ? name : `user${name}`
}

function nameOf(env: World['env']): string {
  if (process.getuid?.() === 0 && env.SUDO_USER) return env.SUDO_USER
  try {
    return userInfo().username
  } catch {
    return `uid-${process.getuid?.()}`
  }
}
