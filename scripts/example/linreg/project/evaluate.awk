# Scores the model (first file) on a CSV (second file) of the columns that it was trained on; prints "metric,value".

FNR == 1 { file++ }

file == 1 && FNR > 1 { coefficient[$1] = $2; next }
file == 1 { next }

FNR == 1 {
    p = NF
    for (i = 1; i < p; i++) {
        if (!($i in coefficient)) { print "evaluate: the model has no column " $i > "/dev/stderr"; failed = 1; exit 1 }
        name[i] = $i
    }
    next
}

{
    predicted = coefficient["intercept"]
    for (i = 1; i < p; i++) predicted += coefficient[name[i]] * $i
    error = $p - predicted
    absolute += error < 0 ? -error : error
    squared += error * error
    sum += $p
    yy += $p * $p
    rows++
}

END {
    if (failed) exit 1
    if (!rows) { print "evaluate: no rows to score" > "/dev/stderr"; exit 1 }
    print "metric,value"
    printf "rows,%d\nmae,%.4f\nr2,%.4f\n", rows, absolute / rows, 1 - squared / (yy - sum * sum / rows)
}
