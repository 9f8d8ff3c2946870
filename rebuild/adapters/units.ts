import { GuardianError } from '../../protocol/errors.ts'
import { unitsOf } from '../../protocol/rebuild-units.ts'
import type { RebuildConfig } from '../config.ts'
import { lastWords, type Run } from './tools.ts'

/** Transient units: no switch touches them, whatever it changes, and they outlive whoever started them. */
export interface TransientUnits {
  /** Goes back at the end of the span, whatever has become of everybody else. */
  armDeadMan(job: string, which: 'activation' | 'confirm', spanMs: number): Promise<void>
  disarm(job: string, which?: 'activation'): Promise<void>
  /** Whatever failed on the way is not to be seen as failed for ever. */
  tidy(job: string): Promise<void>
  startSwitch(job: string, program: string, limitMs: number): Promise<void>
  /** Resolves once it has ended, and with it what tells how. */
  stopSwitch(job: string): Promise<void>
  startWayBack(job: string): Promise<void>
  reboot(): Promise<void>
}

const stopLimitMs = 120_000

export interface UnitsParts {
  readonly config: RebuildConfig
  /** This very one by its absolute path: what goes back does not depend on what is installed then. */
  readonly program: readonly string[]
  /** Nor on what is configured then. */
  readonly configOf: (job: string) => string
  readonly bootId: string
  readonly run: Run
}

export function openUnits(parts: UnitsParts): TransientUnits {
  const { config, program, configOf, run } = parts
  const environment = environmentOf(parts)
  const self = (action: string, job: string): readonly string[] => [...program, action, job, '--config', configOf(job)]
  const must = async (file: string, args: readonly string[], limitMs?: number): Promise<void> => {
    const ended = await run(file, args, limitMs === undefined ? {} : { limitMs })
    if (ended.code !== 0) throw new GuardianError('internal', `${file}: ${lastWords(ended)}`)
  }
  const timers = (job: string): readonly string[] => unitsOf(job).deadMan.map((name) => `${name}.timer`)
  return {
    async armDeadMan(job, which, spanMs) {
      const name = unitsOf(job).deadMan[which === 'activation' ? 0 : 1] ?? ''
      // One that was left by an attempt that broke off would keep the name.
      await run('systemctl', ['stop', `${name}.timer`])
      await run('systemctl', ['reset-failed', `${name}.timer`, `${name}.service`])
      const timer = [
        `--unit=${name}`,
        `--on-active=${spanMs}ms`,
        '--timer-property=AccuracySec=1s',
        '--timer-property=WakeSystem=no',
        // Its timer comes once: where another action is in the way for long, it comes again by itself.
        '--property=Restart=on-failure',
        '--property=RestartSec=30s',
        '--property=StartLimitIntervalSec=0',
      ]
      await must('systemd-run', ['--quiet', ...timer, ...logs, ...environment, ...self('go-back', job), '--dead-man'])
    },
    async disarm(job, which) {
      const [activation = '', confirm = ''] = timers(job)
      await run('systemctl', ['stop', activation, ...(which === undefined ? [confirm] : [])])
    },
    async tidy(job) {
      const { switch: stc, revert, deadMan } = unitsOf(job)
      await run('systemctl', ['reset-failed', stc, revert, ...deadMan.map((name) => `${name}.service`)])
    },
    startSwitch: (job, stc, limitMs) =>
      must('systemd-run', [
        ...switchProperties(job, config, limitMs, self('exit', job)),
        ...environment,
        '--setenv=NIXOS_INSTALL_BOOTLOADER=0',
        stc,
        'test',
      ]),
    async stopSwitch(job) {
      await run('systemctl', ['stop', unitsOf(job).switch], { limitMs: stopLimitMs })
    },
    async startWayBack(job) {
      const name = unitsOf(job).revert.replace(/\.service$/, '')
      await run('systemctl', ['reset-failed', `${name}.service`])
      await must('systemd-run', [
        `--unit=${name}`,
        '--quiet',
        '--no-block',
        '--service-type=exec',
        ...logs,
        ...environment,
        ...self('go-back', job),
      ])
    },
    reboot: () => must('systemctl', ['reboot']),
  }
}

function switchProperties(
  job: string,
  config: RebuildConfig,
  limitMs: number,
  after: readonly string[],
): readonly string[] {
  const properties = [
    `ExecStopPost=${after.join(' ')}`,
    `RuntimeMaxSec=${limitMs}ms`,
    `CPUWeight=${config.cpuWeight}`,
    `CPUQuota=${config.cpuQuota}`,
    `IOWeight=${config.ioWeight}`,
    // A line that is left out cannot be shown later.
    'LogRateLimitIntervalSec=0',
  ]
  const name = unitsOf(job).switch.replace(/\.service$/, '')
  const how = [`--unit=${name}`, '--quiet', '--no-block', '--service-type=exec']
  return [...how, ...logs, ...properties.map((each) => `--property=${each}`)]
}

const logs = ['StandardOutput=journal', 'StandardError=journal', 'SyslogIdentifier=guardian-switch'].map(
  (each) => `--property=${each}`,
)

/** A transient unit has none of the environment of whoever starts it. */
function environmentOf({ bootId }: UnitsParts): readonly string[] {
  const { PATH = '', HOME = '/root', NIX_REMOTE, LOCALE_ARCHIVE } = process.env
  const named = Object.entries({ PATH, HOME, NIX_REMOTE, LOCALE_ARCHIVE, GUARDIAN_BOOT_ID: bootId })
  return named.flatMap(([name, value]) => (value === undefined ? [] : [`--setenv=${name}=${value}`]))
}
