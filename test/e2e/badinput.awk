# SPDX-License-Identifier: Apache-2.0
#
# Reads C sources; prints the configuration tables, one row a line, as JSON:
#	{"file", "table", "type", "key", "sub", "min", "max", "required"}
# and {"plugin", "file", "fields"} for each plugin.

BEGIN {
	RS = ";"
}

function first_group(text, before, after) {
	if (!match(text, before))
		return ""
	text = substr(text, RSTART + RLENGTH)
	match(text, after)
	return RSTART ? substr(text, 1, RSTART - 1) : text
}

# An argument of a macro call by its number, up to the next comma or bracket.
function argument(row, number,    parts, n) {
	n = split(row, parts, /[,)]/)
	return number <= n ? parts[number] : ""
}

function strip(text) {
	gsub(/[ \t\n]/, "", text)
	return text
}

function print_row(table, type, row,    key, sub_table) {
	key = first_group(row, "\"", "\"")
	if (type == "OBJ" || type == "LIST")
		sub_table = strip(argument(row, 4))
	else if (type == "HERE")
		sub_table = strip(argument(row, 2))
	else if (type == "STRS")
		sub_table = "json_str_item"
	printf "{\"file\":\"%s\",\"table\":\"%s\",\"type\":\"%s\",\"key\":\"%s\",", FILENAME, table, type, key
	printf "\"sub\":\"%s\",\"min\":\"%s\",\"max\":\"%s\",\"required\":%s}\n", sub_table,
		strip(first_group(row, "\\.min = ", "[,)}]")), strip(first_group(row, "\\.max = ", "[,)}]")),
		row ~ /\.required = true/ ? "true" : "false"
}

function print_bare_row(table, row) {
	printf "{\"file\":\"%s\",\"table\":\"%s\",\"type\":\"%s\",\"key\":\"%s\",", FILENAME, table,
		first_group(row, "\\.type = JSON_", "[ ,}]"), first_group(row, "\\.key = \"", "\"")
	printf "\"sub\":\"%s\",\"min\":\"\",\"max\":\"\",\"required\":false}\n",
		first_group(row, "\\.sub = ", "[ ,}]")
}

/struct json_field [a-z_0-9]+\[\] =/ {
	table = first_group($0, "struct json_field ", "\\[")
	text = substr($0, index($0, "] =") + 3)
	n = split(text, rows, /F_/)
	for (i = 1; i <= n; i++) {
		type = rows[i]
		sub(/[^A-Z_].*/, "", type)
		if (i > 1 && type != "END" && type != "")
			print_row(table, type, substr(rows[i], length(type) + 1))
		if (match(rows[i], /{ \.key = "[^}]*}/))
			print_bare_row(table, substr(rows[i], RSTART, RLENGTH))
	}
}

/const struct cni_plugin [a-z_]+_plugin = {/ {
	printf "{\"plugin\":\"%s\",\"file\":\"%s\",\"fields\":\"%s\"}\n",
		first_group($0, "\\.name = \"", "\""), FILENAME, first_group($0, "\\.fields = ", ",")
}
