import { openLab } from './lab.ts'

// Opens a lab with one host, says where, and waits to be killed.
const lab = await openLab()
const host = await lab.addHost('one', 'bookworm')
await host.boot()
console.log(JSON.stringify({ directory: lab.directory, cgroup: host.cgroup() }))
setInterval(() => undefined, 60_000)
