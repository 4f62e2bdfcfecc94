// The posts of all supervisords that are heard, each opened once.
import { openPost, type Post, type PostOptions } from "./post.ts";
import { numbered, type Way } from "./way.ts";

export interface Posts {
  /** The post of one conversation's supervisord, which has it until it leaves. */
  join(way: Way, reader: object): Promise<Post>;
  leave(reader: object): void;
}

/** Conversations that have a post now, each with the life of its supervisord, where it tells. */
interface Seat {
  readonly post: Promise<Post>;
  readonly lives: Map<object, string | undefined>;
}

export function createPosts(options: PostOptions): Posts {
  const seats = new Map<string, Seat>();
  let warned = false;

  /** Two lives at once are two supervisords, though they say the same name: containers of one pod do. */
  const isAnothers = (seat: Seat, life: string | undefined) =>
    life !== undefined && [...seat.lives.values()].some((other) => other !== undefined && other !== life);

  return {
    join(way, reader) {
      const life = way.life?.id;
      let at = 1;
      let seat = seats.get(way.stream);
      while (seat && isAnothers(seat, life)) seat = seats.get(numbered(way.stream, (at += 1)));
      if (at > 1 && !warned) {
        warned = true;
        options.log.warn(
          { stream: way.stream },
          'two supervisords are connected under one name, so that their processes may be mixed up after a restart: give their relays names (environment=MOUSTASH_HOST="…" in [eventlistener:fouet])',
        );
      }
      if (seat === undefined) {
        const stream = numbered(way.stream, at);
        const shown = way.shown === undefined ? undefined : numbered(way.shown, at);
        const post = openPost({ ...way, stream, ...(shown !== undefined && { shown }) }, options);
        seats.set(stream, (seat = { post, lives: new Map() }));
      }
      seat.lives.set(reader, life);
      return seat.post;
    },
    leave(reader) {
      for (const { lives } of seats.values()) lives.delete(reader);
    },
  };
}
