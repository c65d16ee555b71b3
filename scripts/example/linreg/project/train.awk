# Fits target = b0 + b1*x1 + … by least squares: solves the normal equations (X'X) b = X'y.
# Reads a CSV with a header, whose last column is the target; writes the model to the file `model`, one
# "name,coefficient" a line, and its log to standard output and `log_file`.

function say(text) { print text; print text > log_file }

# Gauss-Jordan on the rows a[i,1..p] with the right-hand side in a[i,p+1], the largest pivot first.
function solve(a, p,    i, j, k, best, swap, factor) {
    for (i = 1; i <= p; i++) {
        best = i
        for (j = i + 1; j <= p; j++) if (abs(a[j, i]) > abs(a[best, i])) best = j
        if (abs(a[best, i]) < 1e-9) fail("column " name[i] " follows from the others")
        for (k = i; k <= p + 1; k++) { swap = a[i, k]; a[i, k] = a[best, k]; a[best, k] = swap }
        for (j = 1; j <= p; j++) {
            if (j == i) continue
            factor = a[j, i] / a[i, i]
            for (k = i; k <= p + 1; k++) a[j, k] -= factor * a[i, k]
        }
    }
    for (i = 1; i <= p; i++) b[i] = a[i, p + 1] / a[i, i]
}

function abs(v) { return v < 0 ? -v : v }

function fail(text) { print "train: " text > "/dev/stderr"; failed = 1; exit 1 }

NR == 1 {
    p = NF
    name[1] = "intercept"
    for (i = 1; i < p; i++) name[i + 1] = $i
    target = $p
    next
}

NF != p { fail("line " NR " has " NF " columns, the header has " p) }

{
    x[1] = 1
    for (i = 1; i < p; i++) x[i + 1] = $i
    for (i = 1; i <= p; i++) {
        for (j = 1; j <= p; j++) normal[i, j] += x[i] * x[j]
        normal[i, p + 1] += x[i] * $p
    }
    yy += $p * $p
    sum += $p
    rows++
}

END {
    if (failed) exit 1
    if (rows < p) fail((rows + 0) " rows are too few for " p " coefficients")
    say("read " rows " rows, " p - 1 " columns, target " target)
    for (i = 1; i <= p; i++) moment[i] = normal[i, p + 1]
    solve(normal, p)
    residual = yy
    print "term,coefficient" > model
    for (i = 1; i <= p; i++) {
        residual -= b[i] * moment[i]
        printf "%s,%.6f\n", name[i], b[i] > model
        say(sprintf("%-12s %12.4f", name[i], b[i]))
    }
    say(sprintf("r2 %.4f", 1 - residual / (yy - sum * sum / rows)))
}
