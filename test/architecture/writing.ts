import {
  type Expression,
  isAsExpression,
  isCallExpression,
  isDefaultClause,
  isIdentifier,
  isNonNullExpression,
  isPropertyAccessExpression,
  isSatisfiesExpression,
  isSwitchStatement,
  isTypeAssertion,
  type Node,
  type SwitchStatement,
  SyntaxKind,
} from 'typescript/unstable/ast'
import { TypeFlags } from 'typescript/unstable/sync'
import { type Breach, breach, type House, linesOf, nodesOf, type Rule } from './source.ts'

const everywhere = /./
const source = /^(protocol|daemon|agent|coordinator|gate|ctl|install|doctor|rebuild|bin)\//
const core = /^(agent|coordinator|doctor|rebuild)\/core\//

const impure = new Set([
  'Date',
  'setTimeout',
  'setInterval',
  'setImmediate',
  'queueMicrotask',
  'performance',
  'process',
  'console',
  'globalThis',
  'crypto',
  'fetch',
  'Promise',
  'Buffer',
])

const functions = new Set<SyntaxKind>([
  SyntaxKind.FunctionDeclaration,
  SyntaxKind.FunctionExpression,
  SyntaxKind.ArrowFunction,
  SyntaxKind.MethodDeclaration,
  SyntaxKind.Constructor,
  SyntaxKind.GetAccessor,
  SyntaxKind.SetAccessor,
])

/** A rule on single nodes: what is wrong with one, or null. */
function onNodes(find: (node: Node, file: House) => string | null): Rule['find'] {
  return (file) =>
    [...nodesOf(file.ast)].flatMap((node) => {
      const what = find(node, file)
      return what === null ? [] : [breach(file, node, what)]
    })
}

/** A rule on the text itself, comments included. */
function onText(pattern: RegExp, what: string): Rule['find'] {
  return (file) =>
    file.ast.text
      .split('\n')
      .flatMap((text, at): Breach[] => (pattern.test(text) ? [{ line: at + 1, what: `${what}: ${text.trim()}` }] : []))
}

function impurity(node: Node): string | null {
  if (node.kind === SyntaxKind.AsyncKeyword) return 'async'
  if (node.kind === SyntaxKind.AwaitExpression) return 'await'
  if (isPropertyAccessExpression(node) && node.getText() === 'Math.random') return 'Math.random'
  if (!isIdentifier(node) || !impure.has(node.text)) return null
  const { parent } = node
  const isMember = isPropertyAccessExpression(parent) && parent.name === node
  return isMember || parent.kind === SyntaxKind.PropertySignature || parent.kind === SyntaxKind.PropertyAssignment
    ? null
    : node.text
}

function isClosed(node: SwitchStatement): boolean {
  const last = node.caseBlock.clauses.at(-1)
  return (
    last !== undefined &&
    isDefaultClause(last) &&
    [...nodesOf(last)].some((inner) => isSatisfiesExpression(inner) && inner.type.kind === SyntaxKind.NeverKeyword)
  )
}

function isUnion(node: SwitchStatement, file: House): boolean {
  const type = file.checker.getTypeAtLocation(node.expression)
  return type !== undefined && (type.flags & TypeFlags.Union) !== 0
}

function isSeenAsUnknown(node: Expression, file: House): boolean {
  const type = file.checker.getContextualType(node)
  return type !== undefined && (type.flags & TypeFlags.Unknown) !== 0
}

export const writingRules: readonly Rule[] = [
  {
    name: 'a core is pure',
    why: 'time, chance and outcomes arrive inside events, so the simulator can replay them',
    holdsIn: core,
    find: onNodes(impurity),
  },
  {
    name: 'every switch of a core ends in `satisfies never`',
    why: 'a new event or state then fails to compile where it is forgotten',
    holdsIn: core,
    find: onNodes((node) => (isSwitchStatement(node) && !isClosed(node) ? 'an open switch' : null)),
  },
  {
    name: 'every switch over a union ends in `satisfies never`',
    why: 'a new message then fails to compile where it is forgotten',
    holdsIn: source,
    find: onNodes((node, file) =>
      isSwitchStatement(node) && isUnion(node, file) && !isClosed(node) ? 'an open switch over a union' : null,
    ),
  },
  {
    name: 'no any',
    why: 'it turns the compiler off around it',
    holdsIn: everywhere,
    find: onNodes((node) => (node.kind === SyntaxKind.AnyKeyword ? 'any' : null)),
  },
  {
    name: 'no assertion of a type but `as const`',
    why: 'a foreign value is decoded, never believed',
    holdsIn: everywhere,
    find: onNodes((node) => {
      if (isAsExpression(node)) return node.type.getText() === 'const' ? null : `as ${node.type.getText()}`
      return isTypeAssertion(node) ? 'a type assertion' : null
    }),
  },
  {
    name: 'no non-null `!`',
    why: 'absence is a case, not an accident',
    holdsIn: everywhere,
    find: onNodes((node) => (isNonNullExpression(node) ? node.getText() : null)),
  },
  {
    name: 'JSON.parse goes straight into a decoder',
    why: 'its any would spread; seen as unknown, nothing can be read from it before it is decoded',
    holdsIn: source,
    find: onNodes((node, file) =>
      isCallExpression(node) && node.expression.getText() === 'JSON.parse' && !isSeenAsUnknown(node, file)
        ? 'JSON.parse whose value is not unknown'
        : null,
    ),
  },
  {
    name: 'the process is ended by daemon/run.ts alone',
    why: 'whoever holds a file or a socket closes it first',
    holdsIn: /^(?!daemon\/run\.ts$)(protocol|daemon|agent|coordinator|gate|ctl|install|doctor|rebuild|bin)\//,
    find: onNodes((node) =>
      isPropertyAccessExpression(node) && node.getText() === 'process.exit' ? 'process.exit' : null,
    ),
  },
  {
    name: 'files have at most 300 lines',
    why: 'a file without a ceiling grows into the one that its own comments apologise for',
    holdsIn: everywhere,
    find: (file) => {
      const lines = file.ast.text.trimEnd().split('\n').length
      return lines > 300 ? [{ line: lines, what: `${lines} lines` }] : []
    },
  },
  {
    name: 'functions have at most 70 lines',
    why: 'a function fits on a screen',
    holdsIn: /^(?!.*\.test\.ts$)/,
    find: onNodes((node, file) => {
      if (!functions.has(node.kind)) return null
      const lines = linesOf(file, node)
      return lines > 70 ? `a function of ${lines} lines` : null
    }),
  },
  {
    name: 'files are named by subject',
    why: 'a name such as utils says nothing, so everything ends there',
    holdsIn: everywhere,
    find: (file) => {
      const bad = /(^|\/)(utils?|helpers?|common|types?|misc|shared)(\/|\.ts$)/.test(file.path)
      const spelled = file.path
        .split('/')
        .every((part) => /^[a-z0-9]+(-[a-z0-9]+)*(\.(test|fake))?(\.d)?(\.ts)?$/.test(part))
      return bad || !spelled ? [{ line: 1, what: `${file.path} is no name` }] : []
    },
  },
  {
    name: 'exports have names',
    why: 'one word per idea, the same in every file',
    holdsIn: everywhere,
    find: onNodes((node) =>
      node.kind === SyntaxKind.ExportAssignment || node.kind === SyntaxKind.DefaultKeyword ? 'a default export' : null,
    ),
  },
  {
    name: 'the compiler and the coverage are never told to look away',
    why: 'an error that is silenced is still there',
    holdsIn: everywhere,
    find: onText(/(\/\/|\/\*)\s*(@ts-(ignore|nocheck|expect-error)|(c8|v8|istanbul) ignore)/, 'silences a check'),
  },
  {
    name: 'no test mocks a module',
    why: 'a fake that is passed in is checked by the compiler, a replaced module is not',
    holdsIn: /^test\//,
    find: onNodes((node) =>
      isIdentifier(node) && /^mock(Import|Require|All)$/.test(node.text) ? `t.${node.text}` : null,
    ),
  },
]
