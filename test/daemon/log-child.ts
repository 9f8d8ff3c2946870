import { createLog } from '../../daemon/log.ts'

// Logs a few lines; log.test.ts reads what arrives where.
const log = createLog({ name: 'agent' })
log.debug('not shown')
log.info({ event: 'drained', target: 'io-databases', host: 'web1' }, 'drained')
log.error({ err: new Error('the disk is full') }, 'cannot persist')
