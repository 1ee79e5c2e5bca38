/** Passwords that something on the way might take for something else. */
import fc from "fast-check";

/** Pieces of DSNs, URLs, SQL, option files, YAML and shell, and whatever else a keyboard or a generator gives. */
export const hostilePassword = fc
  .array(
    fc.oneof(
      fc.constantFrom("@", "/", ":", "?", "#", "%", "%41", "&", "=", "p@tcp(x)/y?tls=true", "@tcp(", ")/", "://", ";"),
      fc.constantFrom(
        "'",
        '"',
        "\\",
        "\\n",
        "`",
        "$(id)",
        "${HOME}",
        "$'",
        "!",
        "*",
        " ",
        "  ",
        "[client]",
        "# x",
        "--",
      ),
      fc.constantFrom("ä", "€", "😀", "\u0085", "\u2028", "\ufeff", ": ", "{}", "- a", "null"),
      fc.string({ minLength: 1, maxLength: 6 }),
    ),
    { minLength: 1, maxLength: 8 },
  )
  .map((pieces) => pieces.join(""));
