// What is said about text that is not YAML, or more YAML than a configuration needs.

import Testing

private let badSyntax: [BadFile] = [
  BadFile(
    "control: { group: adm }",
    "control: &c { group: adm }\nx: *c",
    """
    5:10: error: the YAML anchor `&c` is not supported; remove it, and write the value out where it is needed
    6:1: error: unknown key `x` in the configuration; it takes `cluster`, `node`, `key-file`, `heartbeat`, \
    `realtime`, `gate`, `control`, `probes`, `nodes` and `groups`
    6:4: error: the YAML alias `*c` is not supported; write the value out here
    """
  ),
  BadFile(
    "control: { group: adm }",
    "control: !!map { group: adm }",
    """
    5:10: error: the YAML tag `tag:yaml.org,2002:map` is not supported; remove it
    """
  ),
  BadFile(
    "control: { group: adm }",
    "control: { group: adm",
    """
    6:6: error: the `{` in line 5, column 10 is not closed; add `}`, or `,` between two entries
    """
  ),
  BadFile(
    "control: { group: adm }",
    "control:\n\tgroup: adm",
    """
    6:1: error: a tab is used for indentation; YAML indents with spaces; replace it by two spaces
    """
  ),
  BadFile(
    "control: { group: adm }",
    "control: group: adm",
    """
    5:15: error: a `:` stands where no key can be; check the indentation of this line and the one above, or put \
    quotes around a text that contains `: `
    """
  ),
  BadFile(
    "control: { group: adm }",
    "control: \"adm",
    """
    5:10: error: the text whose quote opens here goes on until line 17, column 22; close its quote where it \
    should end
    """
  ),
  BadFile(
    "control: { group: adm }",
    "control",
    """
    6:1: error: the key that begins in line 5 has no `:`; write `key: value`
    """
  ),
  BadFile(
    "control: { group: adm }",
    " control: { group: adm }",
    """
    5:9: error: a `:` stands where no key can be; check the indentation of this line and the one above, or put \
    quotes around a text that contains `: `
    """
  ),
  BadFile(
    "control: { group: adm }",
    "control: @adm",
    """
    5:10: error: this character cannot begin a value; put quotes around the text
    """
  ),
  BadFile(
    "control: { group: adm }",
    "control: { group: \"a\\qb\" }",
    """
    5:21: error: unknown escape after a backslash in a double-quoted text; write the text in single quotes
    """
  ),
  BadFile(
    "control: { group: adm }",
    "control: \u{01}",
    """
    5:10: error: the character U+0001 is not allowed in YAML; remove it; editors may show it as nothing at all
    """
  ),
  BadFile(
    "control: { group: adm }",
    "control: [[[[[[[[[[[[[[[[[[[[",
    """
    5:25: error: nested more than 16 levels deep; a configuration needs no more than 6: is a bracket missing its \
    partner?
    """
  ),
  BadFile(
    "control: { group: adm }",
    "---\ncontrol: { group: adm }",
    """
    5:1: error: a second YAML document begins here; a configuration is one document; remove the `---` and what \
    does not belong to this cluster
    """
  ),
  BadFile(
    "control: { group: adm }",
    "- control",
    """
    5:1: error: this line fits neither the mapping that begins in line 1 nor what is inside it; keys of one \
    mapping begin in the same column; every `{`, `[` and quote needs its partner
    """
  ),
  BadFile(
    "control: { group: adm }",
    "%YAML 1.1\n---",
    """
    5:1: error: a second YAML document begins here; a configuration is one document; remove the `---` and what \
    does not belong to this cluster
    """
  ),
  BadFile(
    "control: { group: adm }",
    ": x",
    """
    5:1: error: this line fits neither the mapping that begins in line 1 nor what is inside it; keys of one \
    mapping begin in the same column; every `{`, `[` and quote needs its partner
    """
  ),
  BadFile(
    "control: { group: adm }",
    "control: { group: adm } }",
    """
    5:25: error: this line fits neither the mapping that begins in line 1 nor what is inside it; keys of one \
    mapping begin in the same column; every `{`, `[` and quote needs its partner
    """
  ),
]

@Test("broken or unsupported YAML", arguments: badSyntax)
private func syntax(file: BadFile) {
  #expect(file.complaints == file.expected)
}
