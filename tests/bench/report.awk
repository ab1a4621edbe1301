# Rows of results (bench/lib/row.h) as a table of text, or of Markdown with -v md=1.

function short(v) {
    if (v == "-") return v
    return v >= 1000 ? sprintf("%.0f", v) : v >= 10 ? sprintf("%.1f", v) : sprintf("%.3g", v)
}

function unit_name(u) { return u == "us" ? "µs" : u }

function row(name, ours, bare, ratio, target, verdict) {
    if (md)
        printf "| %s | %s | %s | %s | %s | %s |\n", name, ours, bare, ratio, target, verdict
    else
        printf "%-60s %12s %12s %7s %10s  %s\n", name, ours, bare, ratio, target, verdict
    fflush()
}

BEGIN {
    FS = "\t"
    row("", "ours", "floor", "ratio", "target", "")
    if (md) print "| --- | ---: | ---: | ---: | ---: | --- |"
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
    row($1, short($3) " " unit_name($2), short($4), ratio, target, verdict)
    next
}

{ print "bench: " $0 > "/dev/stderr" }
