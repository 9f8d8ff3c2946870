import t from 'tap'
import { branchedFlake, pinnedFlake } from '../../../protocol/rollout/flake.ts'

const rev = '3f2a90c1'.repeat(5)

const rows: readonly (readonly [flake: string, pinned: string, branched: string])[] = [
  ['git+ssh://git@h/infra', `git+ssh://git@h/infra?rev=${rev}`, 'git+ssh://git@h/infra?ref=v1'],
  ['git+https://h/infra?ref=main', `git+https://h/infra?ref=main&rev=${rev}`, 'git+https://h/infra?ref=v1'],
  ['git+file:///srv/infra?dir=nix', `git+file:///srv/infra?dir=nix&rev=${rev}`, 'git+file:///srv/infra?dir=nix&ref=v1'],
  ['git+file:///srv/infra?rev=0000', `git+file:///srv/infra?rev=${rev}`, 'git+file:///srv/infra?ref=v1'],
  ['/srv/infra', `/srv/infra?rev=${rev}`, '/srv/infra?ref=v1'],
  ['.', `.?rev=${rev}`, '.?ref=v1'],
  ['github:acme/infra', `github:acme/infra/${rev}`, 'github:acme/infra/v1'],
  ['github:acme/infra/main', `github:acme/infra/${rev}`, 'github:acme/infra/v1'],
  ['github:acme/infra?dir=nix&ref=main', `github:acme/infra/${rev}?dir=nix`, 'github:acme/infra/v1?dir=nix'],
  [
    'gitlab:acme/infra?host=git.acme.test',
    `gitlab:acme/infra/${rev}?host=git.acme.test`,
    'gitlab:acme/infra/v1?host=git.acme.test',
  ],
  ['infra', `infra/${rev}`, 'infra/v1'],
  ['flake:infra/main', `flake:infra/${rev}`, 'flake:infra/v1'],
]
for (const [flake, pinned, branched] of rows) {
  t.test(flake, async (t) => {
    t.equal(pinnedFlake(flake, rev), pinned)
    t.equal(branchedFlake(flake, 'v1'), branched)
  })
}
