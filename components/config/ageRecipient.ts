const alphabet = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
const generator = [0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3];

/** Why a text is no public key of age, with the remedy, or undefined. One that was mistyped fails its own checksum. */
export function ageRecipientFault(text: string): string | undefined {
  const expectation = "has to be a public age key: write the line age1… that age-keygen prints";
  if (text.toUpperCase().startsWith("AGE-SECRET-KEY-")) {
    return "is a private key, which must not be on any host: write its public key (age-keygen -y prints it), and create a new pair, because this one was exposed";
  }
  if (!/^age1[02-9ac-hj-np-z]{58}$/.test(text)) return expectation;
  return hasChecksum("age", text.slice(4)) ? undefined : "has a wrong checksum: copy it again";
}

/** Bech32, as BIP 173 has it. */
function hasChecksum(prefix: string, data: string): boolean {
  const letters = Array.from(prefix, (letter) => letter.codePointAt(0) ?? 0);
  const values = [...letters.map((code) => code >> 5), 0, ...letters.map((code) => code & 31)];
  let checksum = 1;
  for (const value of [...values, ...Array.from(data, (letter) => alphabet.indexOf(letter))]) {
    const top = checksum >> 25;
    checksum = ((checksum & 0x1ffffff) << 5) ^ value;
    for (const [bit, term] of generator.entries()) if ((top >> bit) & 1) checksum ^= term;
  }
  return checksum === 1;
}
