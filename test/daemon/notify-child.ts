import { openNotify } from '../../daemon/notify.ts'

// Says everything once to whatever NOTIFY_SOCKET names; notify.test.ts listens there.
const notify = await openNotify()
notify.status('opening\nthe door')
notify.ready()
notify.reloading()
notify.alive()
notify.stopping()
process.stdout.write(`${notify.watchdogMs}\n`)
