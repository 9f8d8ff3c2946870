import type { Finding } from './core/finding.ts'
import type { Survey } from './survey.ts'

/** For a person: one block for each finding, worst first. */
export function linesOf({ looked, findings }: Survey): readonly string[] {
  return [...findings.flatMap((finding) => [...blockOf(finding), '']), summaryOf({ looked, findings })]
}

function blockOf({ severity, found, wanted, write, run }: Finding): readonly string[] {
  return [
    `${severity}: ${found}`,
    `  should be: ${wanted}`,
    ...(write === null ? [] : [`  write ${write.path}:`, ...write.lines.map((line) => `      ${line}`)]),
    ...run.map((command) => `  do: ${command}`),
  ]
}

function summaryOf({ looked, findings }: Survey): string {
  const count = (severity: Finding['severity']) => findings.filter((each) => each.severity === severity).length
  const hints = count('hint') === 0 ? '' : `, ${counted(count('hint'), 'hint')}`
  const where = looked.length === 0 ? '' : `; looked at ${looked.join(' and ')}`
  if (findings.length === 0) return `nothing is wrong${where}`
  return `${counted(count('error'), 'error')}, ${counted(count('warning'), 'warning')}${hints}${where}`
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}
