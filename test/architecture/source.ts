import { relative, resolve } from 'node:path'
import {
  isCallExpression,
  isExportDeclaration,
  isImportDeclaration,
  isImportTypeNode,
  isStringLiteral,
  type Node,
  type SourceFile,
  SyntaxKind,
} from 'typescript/unstable/ast'
import { API, type Checker } from 'typescript/unstable/sync'

/** A file of the house as the compiler sees it. */
export interface House {
  readonly path: string
  readonly ast: SourceFile
  readonly checker: Checker
}

/** One place that breaks a rule. */
export interface Breach {
  readonly line: number
  readonly what: string
}

/** What a rule forbids, where, and why. It looks at one file at a time and knows no exemption. */
export interface Rule {
  readonly name: string
  readonly why: string
  readonly holdsIn: RegExp
  readonly find: (file: House) => readonly Breach[]
}

/** Every TypeScript file of the project in `root`, for as long as the compiler behind it is kept open. */
export function openHouse(root: string): Disposable & { readonly files: readonly House[] } {
  const api = new API({ cwd: root })
  const config = resolve(root, 'tsconfig.json')
  const project = api.updateSnapshot({ openProject: config }).getProject(config)
  if (project === undefined) throw new Error(`no project at ${config}`)
  const files = project.rootFiles.flatMap((path): readonly House[] => {
    const ast = project.program.getSourceFile(path)
    return ast === undefined ? [] : [{ path: relative(root, path), ast, checker: project.checker }]
  })
  return { files, [Symbol.dispose]: () => api.close() }
}

export function* nodesOf(node: Node): Generator<Node> {
  yield node
  const children: Node[] = []
  node.forEachChild((child) => {
    children.push(child)
  })
  for (const child of children) yield* nodesOf(child)
}

export function breach(file: House, node: Node, what: string): Breach {
  return { line: file.ast.getLineAndCharacterOfPosition(node.getStart(file.ast)).line + 1, what }
}

export function linesOf(file: House, node: Node): number {
  const line = (at: number) => file.ast.getLineAndCharacterOfPosition(at).line
  return line(node.getEnd()) - line(node.getStart(file.ast)) + 1
}

export interface Import {
  readonly node: Node
  readonly from: string
  /** `import()` at run time, which loads nothing before it is called. */
  readonly dynamic: boolean
  readonly typeOnly: boolean
}

export function importsOf(file: House): readonly Import[] {
  return [...nodesOf(file.ast)].flatMap((node) => importOf(node) ?? [])
}

function importOf(node: Node): Import | null {
  if (isImportDeclaration(node) && isStringLiteral(node.moduleSpecifier)) {
    const typeOnly = node.importClause?.phaseModifier === SyntaxKind.TypeKeyword
    return { node, from: node.moduleSpecifier.text, dynamic: false, typeOnly }
  }
  if (isExportDeclaration(node) && node.moduleSpecifier !== undefined && isStringLiteral(node.moduleSpecifier)) {
    return { node, from: node.moduleSpecifier.text, dynamic: false, typeOnly: node.isTypeOnly }
  }
  if (isImportTypeNode(node)) {
    return { node, from: node.argument.getText().replaceAll(/['"]/g, ''), dynamic: false, typeOnly: true }
  }
  if (!isCallExpression(node)) return null
  const [argument] = node.arguments
  const loads = node.expression.kind === SyntaxKind.ImportKeyword || /\brequire$/.test(node.expression.getText())
  if (!loads || argument === undefined) return null
  return { node, from: isStringLiteral(argument) ? argument.text : '?', dynamic: true, typeOnly: false }
}
