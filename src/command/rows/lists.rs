//! Rows of lists.

commands! {
    group: List,

    "lpush" => lists::lpush {
        arity: -3, flags: WRITE | DENYOOM | FAST, keys: [one(RW | INSERT)], since: "1.0.0",
        complexity: "O(1) for each element",
        summary: "Puts elements in front of a list, one after the other",
        arguments: "key element...",
    }
    "rpush" => lists::rpush {
        arity: -3, flags: WRITE | DENYOOM | FAST, keys: [one(RW | INSERT)], since: "1.0.0",
        complexity: "O(1) for each element", summary: "Puts elements at the end of a list",
        arguments: "key element...",
    }
    "lpushx" => lists::lpushx {
        arity: -3, flags: WRITE | DENYOOM | FAST, keys: [one(RW | INSERT)], since: "2.2.0",
        complexity: "O(1) for each element",
        summary: "Puts elements in front of a list that exists", arguments: "key element...",
    }
    "rpushx" => lists::rpushx {
        arity: -3, flags: WRITE | DENYOOM | FAST, keys: [one(RW | INSERT)], since: "2.2.0",
        complexity: "O(1) for each element",
        summary: "Puts elements at the end of a list that exists", arguments: "key element...",
    }
    "lpop" => lists::lpop {
        arity: -2, flags: WRITE | FAST, keys: [one(RW | ACCESS | DELETE)], since: "1.0.0",
        complexity: "O(N) for N elements returned",
        summary: "Takes elements from the front of a list", arguments: "key [count:integer@6.2.0]",
    }
    "rpop" => lists::rpop {
        arity: -2, flags: WRITE | FAST, keys: [one(RW | ACCESS | DELETE)], since: "1.0.0",
        complexity: "O(N) for N elements returned",
        summary: "Takes elements from the end of a list", arguments: "key [count:integer@6.2.0]",
    }
    "llen" => lists::llen {
        arity: 2, flags: READONLY | FAST, keys: [one(RO)], since: "1.0.0", complexity: "O(1)",
        summary: "Returns the number of elements of a list", arguments: "key",
    }
    "lrange" => lists::lrange {
        arity: 4, flags: READONLY, keys: [one(RO | ACCESS)], since: "1.0.0",
        complexity: "O(log S + N) for N elements returned, S away from the nearer end",
        summary: "Returns the elements of a list between two positions",
        arguments: "key start:integer stop:integer",
    }
    "lindex" => lists::lindex {
        arity: 3, flags: READONLY, keys: [one(RO | ACCESS)], since: "1.0.0",
        complexity: "O(log N) in the distance to the nearer end; O(1) at the ends",
        summary: "Returns the element of a list at a position", arguments: "key index:integer",
    }
    "lset" => lists::lset {
        arity: 4, flags: WRITE | DENYOOM, keys: [one(RW | UPDATE)], since: "1.0.0",
        complexity: "O(log N) in the distance to the nearer end; O(1) at the ends",
        summary: "Overwrites the element of a list at a position",
        arguments: "key index:integer element",
    }
    "linsert" => lists::linsert {
        arity: 5, flags: WRITE | DENYOOM, keys: [one(RW | INSERT)], since: "2.2.0",
        complexity: "O(N) for N elements in front of the pivot",
        summary: "Puts an element next to another one, the first of its kind in a list",
        arguments: "key where(BEFORE | AFTER) pivot element",
    }
    "lrem" => lists::lrem {
        arity: 4, flags: WRITE, keys: [one(RW | DELETE)], since: "1.0.0",
        complexity: "O(N) in the length of the list",
        summary: "Removes equal elements from a list, all or some from either end",
        arguments: "key count:integer element",
    }
    "ltrim" => lists::ltrim {
        arity: 4, flags: WRITE, keys: [one(RW | DELETE)], since: "1.0.0",
        complexity: "O(log N); what was removed is freed bit by bit afterwards",
        summary: "Removes all elements of a list but those between two positions",
        arguments: "key start:integer stop:integer",
    }
    "lpos" => lists::lpos {
        arity: -3, flags: READONLY, keys: [one(RO | ACCESS)], since: "6.0.6",
        complexity: "O(N) for N elements looked at",
        summary: "Returns the positions of equal elements in a list",
        arguments: "key element [RANK rank:integer] [COUNT num-matches:integer] \
            [MAXLEN len:integer]",
    }
    "blpop" => list_pops::blpop {
        arity: -3, flags: WRITE | BLOCKING, since: "2.0.0",
        keys: [range(-2, 1, RW | ACCESS | DELETE)], complexity: "O(N) for N keys",
        summary: "Takes an element from the front of the first list that has one, or waits for it",
        arguments: "key... timeout:double",
    }
    "brpop" => list_pops::brpop {
        arity: -3, flags: WRITE | BLOCKING, since: "2.0.0",
        keys: [range(-2, 1, RW | ACCESS | DELETE)], complexity: "O(N) for N keys",
        summary: "Takes an element from the end of the first list that has one, or waits for it",
        arguments: "key... timeout:double",
    }
    "lmpop" => list_pops::lmpop {
        arity: -4, flags: WRITE | MOVABLEKEYS, since: "7.0.0",
        keys: [counted(1, RW | ACCESS | DELETE)],
        complexity: "O(N + M) for N keys and M elements returned",
        summary: "Takes elements from the first list that has any",
        arguments: "numkeys:integer key... where(LEFT | RIGHT) [COUNT count:integer]",
    }
    "blmpop" => list_pops::blmpop {
        arity: -5, flags: WRITE | BLOCKING | MOVABLEKEYS, since: "7.0.0",
        keys: [counted(2, RW | ACCESS | DELETE)],
        complexity: "O(N + M) for N keys and M elements returned",
        summary: "Takes elements from the first list that has any, or waits for one",
        arguments: "timeout:double numkeys:integer key... where(LEFT | RIGHT) \
            [COUNT count:integer]",
    }
    "lmove" => list_moves::lmove {
        arity: 5, flags: WRITE | DENYOOM, since: "6.2.0", complexity: "O(1)",
        keys: [one(RW | ACCESS | DELETE), second(RW | INSERT)],
        summary: "Moves an element from one end of a list to one end of another, and returns it",
        arguments: "source:key destination:key wherefrom(LEFT | RIGHT) whereto(LEFT | RIGHT)",
    }
    "blmove" => list_moves::blmove {
        arity: 6, flags: WRITE | DENYOOM | BLOCKING, since: "6.2.0",
        keys: [one(RW | ACCESS | DELETE), second(RW | INSERT)], complexity: "O(1)",
        summary: "Moves an element from one end of a list to one end of another, or waits for it",
        arguments: "source:key destination:key wherefrom(LEFT | RIGHT) whereto(LEFT | RIGHT) \
            timeout:double",
    }
    "rpoplpush" => list_moves::rpoplpush {
        arity: 3, flags: WRITE | DENYOOM, since: "1.2.0", complexity: "O(1)",
        keys: [one(RW | ACCESS | DELETE), second(RW | INSERT)],
        summary: "Moves the last element of a list to the front of another, and returns it",
        arguments: "source:key destination:key",
        deprecated: ("6.2.0", "`LMOVE source destination RIGHT LEFT`"),
    }
    "brpoplpush" => list_moves::brpoplpush {
        arity: 4, flags: WRITE | DENYOOM | BLOCKING, since: "2.2.0",
        keys: [one(RW | ACCESS | DELETE), second(RW | INSERT)], complexity: "O(1)",
        summary: "Moves the last element of a list to the front of another, or waits for it",
        arguments: "source:key destination:key timeout:double",
        deprecated: ("6.2.0", "`BLMOVE source destination RIGHT LEFT timeout`"),
    }
    "lmovem" => list_moves::lmovem {
        arity: -5, flags: WRITE | DENYOOM, since: "8.10.0",
        keys: [one(RW | ACCESS | DELETE), second(RW | INSERT)],
        complexity: "O(N) for N elements moved",
        summary: "Moves several elements, or none if there are too few, from a list to another",
        arguments: "source:key destination:key wherefrom(LEFT | RIGHT) whereto(LEFT | RIGHT) \
            [how-many(selector(COUNT count:integer | EXACTLY exactly:integer) \
            ordering(OBO | BULK))]",
    }
    "blmovem" => list_moves::blmovem {
        arity: -6, flags: WRITE | DENYOOM | BLOCKING, since: "8.10.0",
        keys: [one(RW | ACCESS | DELETE), second(RW | INSERT)],
        complexity: "O(N) for N elements moved",
        summary: "Moves several elements from a list to another, or waits until there are enough",
        arguments: "source:key destination:key wherefrom(LEFT | RIGHT) whereto(LEFT | RIGHT) \
            timeout:double [how-many(selector(COUNT count:integer | EXACTLY exactly:integer) \
            ordering(OBO | BULK))]",
    }
}
