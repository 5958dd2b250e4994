# Ordinary least squares with HC3 and clustered standard errors by the sandwich package, and columns of very
# different size by lm; writes sandwich.json. Run in this folder after make_tables.R.
# Debian packages: r-cran-sandwich, r-cran-jsonlite.
library(sandwich)
library(jsonlite)

fits <- list()

add <- function(case, table, formula, errors, covariance, clusters = NULL) {
  data <- read.csv(paste0(table, ".csv"))
  if (!is.null(clusters)) data <- data[!is.na(data[[clusters]]), ]
  fitted <- lm(formula, data)
  V <- covariance(fitted, data)
  df <- if (is.null(clusters)) fitted$df.residual else length(unique(data[[clusters]])) - 1
  b <- coef(fitted)
  se <- sqrt(diag(V))
  fits[[case]] <<- list(
    table = table, errors = errors, cluster = clusters, n = nrow(data), df = df,
    estimates = data.frame(
      outcome = all.vars(formula)[1], treatment = names(b), est = b, se = se,
      pvalue = 2 * pt(-abs(b / se), df), low = b - qt(0.975, df) * se, high = b + qt(0.975, df) * se,
      row.names = NULL
    )
  )
}

hc3 <- function(fitted, data) vcovHC(fitted, type = "HC3")
clustered <- function(name) function(fitted, data) vcovCL(fitted, cluster = data[[name]], type = "HC1")

add("mug_hc3", "mug", deal ~ budget + minimum + attachment, "hc3", hc3)
add("mug_cluster", "mug", deal ~ budget + minimum + attachment, "cluster", clustered("pair"), "pair")
add("interaction_hc3", "mug", turns ~ budget + attachment + budget:attachment, "hc3", hc3)
add("villages", "groups", trust ~ age + arm, "cluster", clustered("village"), "village")
add("scales_hc3", "scales", spending ~ year + debt + share, "hc3", hc3)

# Maximum likelihood: the same slopes, standard errors from RSS/n.
add("scales_standard", "scales", spending ~ year + debt + share, "standard",
    function(fitted, data) vcov(fitted) * fitted$df.residual / nrow(data))

write_json(fits, "sandwich.json", digits = I(15), auto_unbox = TRUE, pretty = 1, null = "null")
cat("sandwich", as.character(packageVersion("sandwich")), "of", R.version.string, "\n")
