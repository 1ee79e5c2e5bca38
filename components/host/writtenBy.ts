/**
 * What each file of text that the program writes on a host says in its first lines, as a comment. The script that keeps files of
 * others (`originals.sh`) tells the program's own by it.
 */
export const writtenBy = "Written by k3s-ha; changes made here are overwritten.";
