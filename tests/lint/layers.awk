# The include line is the architecture: a file includes its own layer and those below, and a program
# never the other one. base < wire < store < domain < fcgi-app | pushd; tests see what they test.

BEGIN { split("base wire store domain", l); for (i in l) rank[l[i]] = i }

function exists(path,   line, found) {
    found = (getline line < path) >= 0
    close(path)
    return found
}

FNR == 1 {
    # How high this file may reach, and the folder its program's own headers are in.
    top = 4; own = ""
    split(FILENAME, dir, "/")
    if (dir[1] == "lib") top = rank[dir[2]]
    else if (dir[1] != "tests") own = dir[1]
    else if (dir[2] == "unit") { top = rank[dir[3]]; own = "tests" }
    else if (dir[2] == "app" || dir[3] == "app") own = "fcgi-app"
    else if (dir[2] == "push" || dir[3] == "push") own = "pushd"
    else own = "tests"
}

/^[ \t]*#[ \t]*include[ \t]*"/ {
    split($0, quoted, "\"")
    split(quoted[2], part, "/")
    if (part[1] in rank) {
        if (rank[part[1]] <= top) next
        why = "an upward include"
    } else if (own != "" && exists(own "/" quoted[2])) {
        next
    } else if (dir[1] == "tests" && exists("tests/" quoted[2])) {
        next
    } else {
        why = "no header of this layer, of one below, or of this program"
    }
    print FILENAME ":" FNR ": " quoted[2] ": " why
    failed = 1
}

END { exit failed }
