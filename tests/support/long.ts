/** Tests that `make test` leaves to `make test-long`, because they take minutes and what they prove seldom changes. */

/** Set to "yes" when they run too. */
export const longVariable = "K3S_HA_LONG";

/** Whether they run in this process. */
export const runsLong = process.env[longVariable] === "yes";

/** Why they do not, as the runner prints it. */
export const leftToLong = "left to make test-long";

/** Options of such a test or suite. */
export const long: { skip?: string } = runsLong ? {} : { skip: leftToLong };
