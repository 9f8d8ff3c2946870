import { sweep } from '../test/hosts/booted.ts'

const swept = await sweep()
if (swept.length > 0) console.log(`ended what ${swept.length} host(s) of killed tests had left running`)
