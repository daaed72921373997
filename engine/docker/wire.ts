/**
 * The little of the protocol buffers wire format that talking with BuildKit takes: its few messages are read and written by field number.
 */

export interface WireField {
  readonly number: number;
  /** Bytes of a length-delimited field. */
  readonly bytes?: Buffer;
  /** Value of a varint field. */
  readonly varint?: number;
}

/** The fields of a message, in order; repeated ones come repeatedly. Throws on bytes that are no message. */
export function* fieldsOf(message: Buffer): Generator<WireField> {
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = message[at++];
      if (byte === undefined) throw new Error("truncated message");
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  };
  while (at < message.length) {
    const key = varint();
    const number = Math.floor(key / 8);
    switch (key % 8) {
      case 0:
        yield { number, varint: varint() };
        break;
      case 1:
        at += 8;
        break;
      case 2: {
        const length = varint();
        if (at + length > message.length) throw new Error("truncated message");
        yield { number, bytes: message.subarray(at, at + length) };
        at += length;
        break;
      }
      case 5:
        at += 4;
        break;
      default:
        throw new Error(`wire type ${key % 8} is not known`);
    }
  }
}

/** The text of the first field of that number; "" when absent. */
export function textOf(message: Buffer, number: number): string {
  for (const field of fieldsOf(message)) if (field.number === number && field.bytes) return field.bytes.toString("utf8");
  return "";
}

/** A length-delimited field. */
export function bytesField(number: number, bytes: Buffer): Buffer {
  const head: number[] = [number * 8 + 2];
  let length = bytes.length;
  while (length >= 128) {
    head.push((length % 128) + 128);
    length = Math.floor(length / 128);
  }
  head.push(length);
  return Buffer.concat([Buffer.from(head), bytes]);
}

/** A string field. */
export const textField = (number: number, text: string): Buffer => bytesField(number, Buffer.from(text, "utf8"));
