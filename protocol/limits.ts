/** Every ceiling of the wire in one place: bytes, counts and milliseconds. */
export const limits = {
  frameBytes: 64 * 1024,
  frameBytesBeforeProof: 4 * 1024,
  proofMs: 5_000,
  strangersMax: 64,
  strangersPerAddressMax: 32,
  failedKeyDelayMs: 1_000,
  nameLength: 255,
  messageLength: 500,
  holdsMax: 64,
  directHoldsMax: 16,
  releasesMax: 256,
  dependentsMax: 200,
  targetsMax: 32,
  probesMax: 64,
  exceptionsMax: 1_000,
  keyLengthMin: 32,
} as const
