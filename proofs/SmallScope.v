(** Every case of a small scope, evaluated by the definitions that the theorems are about.

    [proofs/check] compares the text with [proofs/table.txt], and [tests/proofs.rs] compares
    that file with the Rust model. *)

From Coq Require Import List Bool String.
From Proofs Require Import Overlay Disabled Views.
Import ListNotations.
Local Open Scope string_scope.

Inductive two_names := CodexApps | Docs.

#[local] Instance two_names_names : Names two_names.
Proof. intros a b. decide equality. Defined.

(** A server is told by who brought it. *)
Inductive source := Config | Contribution (position : nat) | LegacyLoader | PsMcp.

#[local] Instance two_names_apps : Apps two_names source := {
  codex_apps := CodexApps;
  legacy_server := Server LegacyLoader true;
  ps_mcp_server := Server PsMcp true
}.

Local Notation row_contributor := (nat -> contributor two_names source).

(** What a row's list is made of. A server that is set carries its position in the list, so that
    each [Set] is another one. *)
Definition choices : list (string * row_contributor) := [
  ("+a", fun i => Scripted [SetServer CodexApps (Server (Contribution i) true)]);
  ("~a", fun i => Scripted [SetServer CodexApps (Server (Contribution i) false)]);
  ("-a", fun _ => Scripted [RemoveServer CodexApps]);
  ("*a", fun _ => HostedApps);
  ("+d", fun i => Scripted [SetServer Docs (Server (Contribution i) true)]);
  ("-d", fun _ => Scripted [RemoveServer Docs])
].

Fixpoint lists_of (length : nat) : list (list (string * row_contributor)) :=
  match length with
  | O => [[]]
  | S shorter => flat_map (fun list => map (fun choice => list ++ [choice])%list choices) (lists_of shorter)
  end.

Definition lists : list (list (string * row_contributor)) := flat_map lists_of [0; 1; 2; 3].

Fixpoint numbered (from : nat) (list : list (string * row_contributor)) :
  List.list (contributor two_names source) :=
  match list with
  | [] => []
  | (_, by_position) :: rest => by_position from :: numbered (S from) rest
  end.

Definition profiles : list (string * profile source) := [
  ("27191", Seed);
  ("27198", ThreePhases);
  ("27414", DisabledStays (fun content => content))
].

Definition base_servers : list (option (server source)) :=
  [None; Some (Server Config true); Some (Server Config false)].

Definition both (apps docs : option (server source)) : servers two_names source :=
  fun n => match n with CodexApps => apps | Docs => docs end.

Definition bases : list (servers two_names source) :=
  flat_map (fun apps => map (both apps) base_servers) base_servers.

(** A letter for who brought the server, in upper case if it is disabled. *)
Definition letter (s : option (server source)) : string :=
  match s with
  | None => "."
  | Some (Server content on) =>
      match content with
      | Config => if on then "u" else "U"
      | Contribution 0 => if on then "x" else "X"
      | Contribution 1 => if on then "y" else "Y"
      | Contribution _ => if on then "z" else "Z"
      | LegacyLoader => if on then "l" else "L"
      | PsMcp => if on then "p" else "P"
      end
  end.

Definition view (m : servers two_names source) : string := letter (m CodexApps) ++ letter (m Docs).

Definition views (p : profile source) (base : servers two_names source)
  (l : list (contributor two_names source)) (apps : bool) : string :=
  let signed := Case base l apps in
  view (runtime p (signed true)) ++ " " ++
  view (effective p (signed false)) ++ " " ++
  view (effective p (signed true)).

Definition row (p : string * profile source) (base : servers two_names source)
  (list : list (string * row_contributor)) : string :=
  let contributors := numbered 0 list in
  fst p ++ " " ++ view base ++ " [" ++ String.concat " " (map fst list) ++ "] " ++
  views (snd p) base contributors false ++ " | " ++
  views (snd p) base contributors true.

Definition rows : list string :=
  flat_map (fun p => flat_map (fun base => map (row p base) lists) bases) profiles.
