# Prints C sources as file:line:text without comments, so that the other checks read code alone.
#   -v want=code     string and character literals become "" (the default)
#   -v want=strings  only what stands in string literals

function emit(c) { if (want != "strings") out = out c }

FNR == 1 { in_comment = 0 }

{
    out = ""
    n = length($0)
    for (i = 1; i <= n; i++) {
        c = substr($0, i, 1)
        two = substr($0, i, 2)
        if (in_comment) {
            if (two == "*/") { in_comment = 0; i++ }
        } else if (two == "/*") {
            in_comment = 1
            i++
            emit(" ")
        } else if (two == "//") {
            break
        } else if (c == "\"" || c == "'") {
            for (i++; i <= n && (d = substr($0, i, 1)) != c; i++) {
                if (d == "\\") { d = d substr($0, ++i, 1) }
                if (want == "strings" && c == "\"") out = out d
            }
            # "SELECT a" PRIu64 " b": the pieces of a line stay apart.
            if (want == "strings" && c == "\"") out = out " "
            emit("\"\"")
        } else {
            emit(c)
        }
    }
    if (out ~ /[^ \t]/) print FILENAME ":" FNR ":" out
}
