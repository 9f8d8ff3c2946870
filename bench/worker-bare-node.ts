// What any process of this runtime costs: one timer, once a second.
setInterval(() => undefined, 1_000)
process.stdout.write('ready\n')
