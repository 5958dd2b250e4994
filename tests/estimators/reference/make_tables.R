# Writes the tables that the reference scripts and the tests read. Base R only; run in this folder.
set.seed(20241106)

save <- function(table, name) write.csv(table, paste0(name, ".csv"), row.names = FALSE, na = "")
short <- function(x) round(x, 3)

# Five auctions' worth of rows with one residual degree of freedom.
save(data.frame(
  y = c(0, 0, 0, 0, 1), x1 = c(6, 7, 8, 13, 20), x2 = c(25, 25, 20, 10, 10), x3 = c(3, 5, 2, 5, 2)
), "five_rows")

# A bargaining design of 9 x 9 x 5 conditions with a yes/no outcome, a second outcome, and 27 clusters.
mug <- expand.grid(
  budget = c(3, 6, 7, 8, 10, 13, 18, 20, 25),
  minimum = c(3, 5, 7, 8, 10, 13, 18, 20, 25),
  attachment = 1:5
)
mug$pair <- sample(rep(1:27, each = 15))
mood <- rnorm(27, sd = 3)
mug$deal <- as.integer(mug$budget - mug$minimum - mug$attachment + mood[mug$pair] + rnorm(405, sd = 4) > -2)
mug$turns <- 4 + rpois(405, 3 + 2 * mug$deal) + (mug$attachment > 3)
save(mug, "mug")

# Causes, a chain of mediators, and three final outcomes whose residuals are correlated.
n <- 90
paths <- data.frame(x = short(rnorm(n, 2)), z = short(rnorm(n)), w = short(rnorm(n, -1, 2)))
paths$m1 <- short(1 + 0.6 * paths$x + rnorm(n))
paths$m2 <- short(0.5 * paths$m1 - 0.4 * paths$z + rnorm(n))
shared <- rnorm(n)
paths$y1 <- short(2 + 0.7 * paths$m2 + 0.3 * paths$z + 0.8 * shared + rnorm(n, sd = 0.7))
paths$y2 <- short(-1 + 0.4 * paths$m1 + 0.5 * paths$w + 0.8 * shared + rnorm(n, sd = 0.5))
paths$y3 <- short(0.3 * paths$x - 0.6 * shared + rnorm(n))
save(paths, "paths")

# The same with values missing here and there.
gaps <- paths
for (column in c("x", "m1", "y1", "y2")) gaps[sample(n, 7), column] <- NA
save(gaps, "gaps")

# Columns of very different size: money in billions beside shares in millionths, years far from zero.
scales <- data.frame(
  year = sample(1990:2024, n, replace = TRUE),
  debt = round(rlnorm(n, 21, 0.8)),
  share = signif(runif(n, 0, 5e-6), 5)
)
scales$spending <- round(1e6 * (scales$year - 2000) + 0.02 * scales$debt + 3e12 * scales$share + rnorm(n, sd = 4e6))
save(scales, "scales")

# A nominal cause, and clusters of unequal size that some rows lack.
groups <- data.frame(
  arm = sample(c("control", "friendly", "hostile"), 120, replace = TRUE),
  age = sample(18:80, 120, replace = TRUE),
  village = sample(c(1:12, NA), 120, replace = TRUE)
)
groups$trust <- short(
  3 + 0.5 * (groups$arm == "friendly") - 0.4 * (groups$arm == "hostile") + 0.01 * groups$age +
    rnorm(12, sd = 0.5)[ifelse(is.na(groups$village), 1, groups$village)] + rnorm(120) * (1 + (groups$age > 50))
)
save(groups, "groups")
