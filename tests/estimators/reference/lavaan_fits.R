# Fits every case with lavaan's sem() at its defaults and writes lavaan.json. Run in this folder:
#   Rscript make_tables.R && Rscript lavaan_fits.R
# Debian packages: r-cran-lavaan, r-cran-jsonlite. Only the optimiser's tolerances are not the defaults: they are
# set as tight as each case allows, so that what is compared is the maximum and not where the search stopped.
suppressMessages(library(lavaan))
library(jsonlite)

fits <- list()

fit <- function(case, table, specification, level = 0.95, prepare = identity) {
  data <- prepare(read.csv(paste0(table, ".csv")))
  attempt <- function(tolerance, start) suppressWarnings(sem(
    specification, data = data, meanstructure = TRUE, fixed.x = TRUE, missing = "listwise", start = start,
    control = list(rel.tol = tolerance, x.tol = tolerance, iter.max = 20000, eval.max = 20000)
  ))
  fitted <- attempt(1e-10, "default")
  for (tolerance in 10^-(11:15)) {
    again <- attempt(tolerance, fitted)
    if (lavInspect(again, "converged")) fitted <- again
  }
  stopifnot(lavInspect(fitted, "converged"))
  found <- parameterEstimates(fitted, standardized = TRUE, level = level)
  exogenous <- lavNames(fitted, "ov.x")
  found <- found[!(found$op == "~~" & found$lhs %in% exogenous) & !(found$op == "~1" & found$lhs %in% exogenous), ]
  fits[[case]] <<- list(
    table = table, level = level, n = lavInspect(fitted, "nobs"),
    estimates = found[, c("lhs", "op", "rhs", "est", "se", "pvalue", "ci.lower", "ci.upper", "std.all")]
  )
}

fit("five_rows", "five_rows", "y ~ x1 + x2 + x3")
fit("mug", "mug", "deal ~ budget + minimum + attachment")
fit("mug_two_outcomes", "mug", "deal ~ budget + minimum + attachment
                                turns ~ budget + minimum + attachment")
fit("mug_90_percent", "mug", "turns ~ budget", level = 0.9)
fit("mug_mediated", "mug", "deal ~ a1 * budget + a2 * minimum + attachment
                            turns ~ b * deal + c * attachment
                            budget.indirect := a1 * b
                            minimum.indirect := a2 * b")
fit("interaction", "mug", "turns ~ budget + attachment + budget:attachment + minimum")
fit("interaction_before_mediator", "mug", "deal ~ budget + minimum + budget:minimum
                                           turns ~ deal + attachment")
fit("unequal_causes", "paths", "y1 ~ x + z\n y2 ~ z + w")
fit("three_outcomes", "paths", "y1 ~ x + z\n y2 ~ z + w\n y3 ~ x + m1")
fit("overidentified", "paths", "m1 ~ a * x\n y1 ~ b * m1 + z\n x.indirect := a * b")
fit("two_mediators", "paths", "m1 ~ a1 * x
                               m2 ~ a2 * x + d * m1
                               y1 ~ c * x + b1 * m1 + b2 * m2
                               x.indirect := a1 * b1 + a2 * b2 + a1 * d * b2
                               x.total := c + a1 * b1 + a2 * b2 + a1 * d * b2
                               m1.indirect := d * b2
                               m1.total := b1 + d * b2")
fit("mediated_unequal", "paths", "m1 ~ a * x
                                  m2 ~ d * m1 + z
                                  y1 ~ b * m2 + z
                                  y2 ~ e * m1 + w
                                  y3 ~ x
                                  x.on.y1 := a * d * b
                                  x.on.y2 := a * e")
fit("separate_equations", "paths", "m1 ~ x\n y1 ~ m1\n y2 ~ w")
fit("constant_only_beside", "paths", "y1 ~ x\n y2 ~ 1")
fit("listwise", "gaps", "m1 ~ x\n y1 ~ m1 + z\n y2 ~ x + w")
fit("nominal", "groups", "trust ~ friendly + hostile + age", prepare = function(data) {
  data$friendly <- as.numeric(data$arm == "friendly")
  data$hostile <- as.numeric(data$arm == "hostile")
  data
})

write_json(fits, "lavaan.json", digits = I(12), auto_unbox = TRUE, pretty = 1, na = "null")
cat("lavaan", as.character(packageVersion("lavaan")), "of", R.version.string, "\n")
