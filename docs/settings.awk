# The table of settings for people, from what `cubby.fcgi --print-config` prints: make settings.

BEGIN {
    print "# Settings"
    print ""
    print "Made by `make settings` from the table in `lib/domain/conf.c`; `make lint` compares."
    print ""
    print "A setting is a line `name = value` of the file that `--config` or `CUBBY_CONFIG` names"
    print "([apache-conf/cubby.ini](../apache-conf/cubby.ini) has them all), or the environment's"
    print "`CUBBY_<NAME>` in upper case, which wins. A wrong name or value stops the start, with file, line"
    print "and what was expected. `cubby.fcgi` reads them at its start, `cubby-pushd` also at `kill -HUP`."
    print "Where 0 is in brackets, it is off."
    print ""
    print "| setting | default | may be | |"
    print "| --- | --- | --- | --- |"
}

function escaped(s) {
    gsub(/\|/, "\\|", s)
    gsub(/</, "\\&lt;", s)
    return s
}

/^; \(.*\)$/ {
    range = substr($0, 4, length($0) - 4)
    sub(/, 0 is off$/, " (0)", range)
    next
}

/^; / {
    doc = substr($0, 3)
    next
}

/^;[a-z_]+ =/ {
    name = value = substr($0, 2)
    sub(/ =.*/, "", name)
    sub(/^[^=]*= ?/, "", value)
    gsub(/ \| /, ", ", range)
    print "| `" name "` | " (value == "" ? "" : "`" value "`") " | " range " | " escaped(doc) " |"
}
