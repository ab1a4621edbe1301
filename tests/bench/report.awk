# Rows of results (bench/lib/row.h) as tables of text, or with -v md=1 of Markdown, as they stand in
# README.md; there what is below its target is said on the standard error output.

function short(v) {
    if (v == "-") return v
    return v >= 1000 ? sprintf("%.0f", v) : v >= 10 ? sprintf("%.1f", v) : sprintf("%.3g", v)
}

# Three digits that mean something, thousands apart.
function rounded(v,   s, unit) {
    if (v == "-") return v
    if (v < 1000) return sprintf("%.3g", v) + 0
    unit = 10 ^ (length(int(v)) - 3)
    s = sprintf("%.0f", int(v / unit + 0.5) * unit)
    while (match(s, /[0-9][0-9][0-9][0-9](,|$)/))
        s = substr(s, 1, RSTART) "," substr(s, RSTART + 1)
    return s
}

function unit_name(u) { return u == "us" ? "µs" : u }

function with_unit(v, u) {
    if (v == "-") return ""
    return rounded(v) (u == "1/s" ? "/s" : u == "" ? "" : " " unit_name(u))
}

function row(name, ours, other, ratio, target, verdict) {
    if (md)
        printf "| %s | %s | %s | %s |\n", name, ours, other, ratio
    else
        printf "%-50s %14s %12s %7s %10s  %s\n", name, ours, other, ratio, target, verdict
    fflush()
}

BEGIN { FS = "\t" }

NF == 2 {
    print ""
    row($1, md ? "Cubby" : "ours", $2, "ratio", "target", "")
    if (md) print "| --- | ---: | ---: | ---: |"
    title = $1
    next
}

NF == 5 {
    ratio = $4 == "-" || $4 == 0 ? "-" : sprintf("%.2f", $3 / $4)
    verdict = target = ""
    if (match($5, /[<>]=?/)) {
        value = substr($5, 1, RSTART - 1) == "ratio" ? ratio : $3
        op = substr($5, RSTART, RLENGTH)
        bound = substr($5, RSTART + RLENGTH)
        ok = op == ">=" ? value + 0 >= bound + 0 : op == "<=" ? value + 0 <= bound + 0 : \
            value + 0 < bound + 0
        verdict = ok ? "ok" : "below"
        target = op " " bound
    }
    if (md) {
        row($1, with_unit($3, $2), with_unit($4, $2), ratio == "-" ? "" : ratio)
        if (verdict == "below")
            print "bench: " title ": " $1 ": " short($3) ", " ratio ": not " target > "/dev/stderr"
    } else {
        row($1, short($3) " " unit_name($2), short($4), ratio, target, verdict)
    }
    next
}

{ print "bench: " $0 > "/dev/stderr" }
