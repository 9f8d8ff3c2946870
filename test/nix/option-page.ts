import * as v from 'valibot'

const option = v.object({
  name: v.string(),
  type: v.string(),
  description: v.string(),
  default: v.nullable(v.string()),
  example: v.nullable(v.string()),
})
type Option = v.InferOutput<typeof option>
export const options = v.array(option)

/** The reference of all options, as a page. */
export function pageOf(all: readonly Option[]): string {
  const parts = all
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ name, type, description, ...rest }) => {
      const facts = [['Type', type] as const, ['Default', rest.default] as const, ['Example', rest.example] as const]
      const lines = facts.flatMap(([label, text]) => (text === null ? [] : [`- ${label}:${shown(label, text)}`]))
      return `## \`${name}\`\n\n${prose(description)}\n\n${lines.join('\n')}\n`
    })
  return `# Options of the NixOS modules\n\nMade from the modules; [nixos.md](nixos.md) says how they are used.\n\n${parts.join('\n')}`
}

/** Markdown of the NixOS manual, without its roles and a line for each paragraph. */
function prose(text: string): string {
  return text
    .trim()
    .replaceAll(/\{\w+\}`/g, '`')
    .replaceAll(/(?<!\n)\n(?!\n)/g, ' ')
}

function shown(label: string, text: string): string {
  const flat = text.trim().replaceAll(/\s+/g, ' ')
  // A default in words has its own code in it.
  if (label === 'Type' || text.includes('`') || /^(its|the) /.test(text)) return ` ${prose(flat)}`
  if (flat.length <= 80) return ` \`${flat}\``
  const indented = text
    .trim()
    .split('\n')
    .map((line) => (line === '' ? '' : `  ${line}`))
  return `\n\n  \`\`\`nix\n${indented.join('\n')}\n  \`\`\``
}
