(** The three views: [configured], [runtime] and [effective].

    [model/src/overlay.rs] and [model/src/apps.rs] have the same definitions in Rust. *)

From Coq Require Import List Bool.
From Proofs Require Import Overlay Disabled.
Import ListNotations.

(** The profiles by what matters here. From [codex-pr-27414] on they differ in what [effective]
    makes of the field [auth], which is content. *)
Inductive profile (content : Type) :=
| Seed                                         (* codex-pr-27191 *)
| ThreePhases                                  (* codex-pr-27198 *)
| DisabledStays (passed : content -> content). (* from codex-pr-27414 on *)
Arguments Seed {content}.
Arguments ThreePhases {content}.
Arguments DisabledStays {content}.

Inductive contributor (name content : Type) :=
| HostedApps
| Scripted (ops : list (operation name content)).
Arguments HostedApps {name content}.
Arguments Scripted {name content}.

(** A case after its text has been read: [configured] is what the host config and the plugins make. *)
Record case (name content : Type) := Case {
  configured : servers name content;
  contributors : list (contributor name content);
  apps_on : bool;
  backend_auth : bool
}.
Arguments Case {name content}.
Arguments configured {name content}.
Arguments contributors {name content}.
Arguments apps_on {name content}.
Arguments backend_auth {name content}.

(** The reserved name, and the Apps server as the legacy loader and as the hosted-apps contributor
    build it. *)
Class Apps (name content : Type) := {
  codex_apps : name;
  legacy_server : server content;
  ps_mcp_server : server content
}.

Section Views.

Context {name : Type} `{Names name} {content : Type} `{Apps name content}.
Local Notation operation := (operation name content).
Local Notation servers := (servers name content).
Local Notation contributor := (contributor name content).
Local Notation case := (case name content).
Local Notation profile := (profile content).

Definition hosted_server (p : profile) : server content :=
  match p with Seed => legacy_server | _ => ps_mcp_server end.

Definition contributed (p : profile) (apps : bool) (one : contributor) : list operation :=
  match one with
  | HostedApps =>
      [if apps then SetServer codex_apps (hosted_server p) else RemoveServer codex_apps]
  | Scripted ops => ops
  end.

(** [overlay::in_order] *)
Definition in_order (p : profile) (c : case) : list operation :=
  flat_map (contributed p (apps_on c)) (contributors c).

(** [apps::load_first] *)
Definition load_first (p : profile) (apps : bool) (m : servers) : servers :=
  match p with
  | Seed => m
  | _ => fun n => if same n codex_apps then (if apps then Some legacy_server else None) else m n
  end.

(** Keeps what [remembered] disables, where the profile does. *)
Definition finish (p : profile) (remembered m : servers) : servers :=
  match p with DisabledStays _ => keep_disabled remembered m | _ => m end.

(** [overlay::runtime] *)
Definition runtime (p : profile) (c : case) : servers :=
  finish p (configured c)
    (apply (load_first p (apps_on c) (configured c)) (in_order p c)).

(** [apps::gate_is_open] *)
Definition gate_open (c : case) : bool := apps_on c && backend_auth c.

(** [apps::legacy_loader_is_active] *)
Definition legacy_active (p : profile) (c : case) : bool :=
  match p with Seed => negb (existsb (names codex_apps) (in_order p c)) | _ => false end.

Definition pass (p : profile) (s : server content) : server content :=
  match p with DisabledStays passed => Server (passed (content_of s)) (enabled s) | _ => s end.

(** [apps::effective] *)
Definition effective (p : profile) (c : case) : servers :=
  fun n =>
    let passed := option_map (pass p) (runtime p c n) in
    if same n codex_apps then
      if gate_open c then
        if legacy_active p c then Some legacy_server else passed
      else None
    else passed.

Definition with_contributors (c : case) (l : list contributor) : case :=
  Case (configured c) l (apps_on c) (backend_auth c).

Definition with_configured (c : case) (m : servers) : case :=
  Case m (contributors c) (apps_on c) (backend_auth c).

Definition with_auth (c : case) (backend : bool) : case :=
  Case (configured c) (contributors c) (apps_on c) backend.

Lemma finish_congruent : forall p r r' m m' n,
  r n = r' n -> m n = m' n -> finish p r m n = finish p r' m' n.
Proof.
  intros [| | passed] r r' m m' n equal_remembered equal; simpl; [exact equal .. |].
  apply keep_congruent; assumption.
Qed.

Lemma load_congruent : forall p apps m m' n,
  m n = m' n -> load_first p apps m n = load_first p apps m' n.
Proof.
  intros [| | passed] apps m m' n equal; simpl; [exact equal | |];
    destruct (same n codex_apps); [reflexivity | exact equal | reflexivity | exact equal].
Qed.

Lemma effective_congruent : forall p c c' n,
  runtime p c n = runtime p c' n -> gate_open c = gate_open c' ->
  (n = codex_apps -> legacy_active p c = legacy_active p c') ->
  effective p c n = effective p c' n.
Proof.
  intros p c c' n equal_runtime equal_gate equal_loader. unfold effective.
  rewrite equal_runtime, equal_gate.
  destruct (same n codex_apps) as [is_apps |]; [rewrite equal_loader by exact is_apps |]; reflexivity.
Qed.

(** ** The last contribution decides *)

Theorem last_contribution_decides : forall p c n,
  runtime p c n =
  finish p (configured c)
    (fun k =>
      match last_naming k (in_order p c) with
      | Some o => outcome o
      | None => load_first p (apps_on c) (configured c) k
      end) n.
Proof.
  intros p c n. unfold runtime. apply finish_congruent; [reflexivity |].
  apply last_operation_decides.
Qed.

Theorem no_contributors_leave_configured : forall p c n,
  contributors c = [] -> p = Seed \/ n <> codex_apps -> runtime p c n = configured c n.
Proof.
  intros p c n none others. unfold runtime, in_order. rewrite none. simpl.
  assert (loaded : load_first p (apps_on c) (configured c) n = configured c n).
  { destruct others as [is_seed | other]; [rewrite is_seed; reflexivity |].
    destruct p; [reflexivity | |]; simpl; destruct (same n codex_apps); [contradiction | | contradiction |];
      reflexivity. }
  destruct p; simpl; [exact loaded .. |].
  rewrite (keep_congruent (configured c) (configured c) _ (configured c)); [apply keep_own | reflexivity |].
  exact loaded.
Qed.

Theorem empty_contributor_changes_nothing : forall p c a b,
  let with_it := with_contributors c (a ++ Scripted [] :: b) in
  let without := with_contributors c (a ++ b) in
  forall n, runtime p with_it n = runtime p without n /\ effective p with_it n = effective p without n.
Proof.
  intros p c a b with_it without n.
  assert (equal : in_order p with_it = in_order p without).
  { unfold in_order. simpl. rewrite !flat_map_app. reflexivity. }
  assert (equal_runtime : runtime p with_it n = runtime p without n).
  { unfold runtime. rewrite equal. reflexivity. }
  split; [exact equal_runtime |]. apply effective_congruent; [exact equal_runtime | reflexivity |].
  intros _. unfold legacy_active. destruct p; [rewrite equal |..]; reflexivity.
Qed.

(** ** A prefix of the contributors may be remembered *)

Theorem remembered_contributors_compose : forall p c a b,
  runtime p (with_contributors c (a ++ b)) =
  finish p (configured c)
    (apply
      (apply (load_first p (apps_on c) (configured c)) (in_order p (with_contributors c a)))
      (in_order p (with_contributors c b))).
Proof.
  intros p c a b. unfold runtime, in_order. simpl.
  rewrite flat_map_app, apply_composes. reflexivity.
Qed.

Theorem remembered_runtime_composes : forall p c a b n,
  runtime p (with_contributors c (a ++ b)) n =
  finish p (configured c)
    (apply (runtime p (with_contributors c a)) (in_order p (with_contributors c b))) n.
Proof.
  intros p c a b n. rewrite remembered_contributors_compose.
  unfold runtime. simpl configured. simpl apps_on.
  destruct p; simpl finish; [reflexivity .. |].
  rewrite kept_prefix_composes_if_remembered, apply_composes. reflexivity.
Qed.

(** ** A name's result depends on its own operations alone *)

Lemma silence_is_own : forall n (ops : list operation),
  existsb (names n) ops = existsb (names n) (filter (names n) ops).
Proof.
  intros n. induction ops as [| o rest IH]; [reflexivity |].
  simpl. destruct (names n o) eqn:own; simpl; [rewrite own; reflexivity | exact IH].
Qed.

Theorem views_are_decided_by_name : forall p c c' n,
  configured c n = configured c' n ->
  apps_on c = apps_on c' -> backend_auth c = backend_auth c' ->
  filter (names n) (in_order p c) = filter (names n) (in_order p c') ->
  runtime p c n = runtime p c' n /\ effective p c n = effective p c' n.
Proof.
  intros p c c' n equal_configured equal_apps equal_auth equal_own.
  assert (equal_runtime : runtime p c n = runtime p c' n).
  { unfold runtime. apply finish_congruent; [exact equal_configured |].
    apply names_are_independent; [| exact equal_own].
    rewrite equal_apps. apply load_congruent, equal_configured. }
  split; [exact equal_runtime |]. apply effective_congruent; [exact equal_runtime | |].
  - unfold gate_open. congruence.
  - intros is_apps. subst n. unfold legacy_active. destruct p; [| reflexivity ..].
    rewrite silence_is_own, equal_own, <- silence_is_own. reflexivity.
Qed.

Theorem disjoint_contributors_commute : forall p c a b,
  (forall x y,
    In x (in_order p (with_contributors c a)) -> In y (in_order p (with_contributors c b)) ->
    named x <> named y) ->
  let one := with_contributors c (a ++ b) in
  let other := with_contributors c (b ++ a) in
  forall n, runtime p one n = runtime p other n /\ effective p one n = effective p other n.
Proof.
  intros p c a b disjoint one other n.
  assert (equal_runtime : runtime p one n = runtime p other n).
  { unfold runtime, in_order. simpl. apply finish_congruent; [reflexivity |].
    rewrite !flat_map_app. apply disjoint_lists_commute. exact disjoint. }
  split; [exact equal_runtime |]. apply effective_congruent; [exact equal_runtime | reflexivity |].
  intros _. unfold legacy_active, in_order. simpl. destruct p; [| reflexivity ..].
  rewrite !flat_map_app, !existsb_app, orb_comm. reflexivity.
Qed.

(** ** One operation a name suffices *)

Theorem one_contribution_a_name_suffices : forall p c,
  exists short,
    NoDup (map named short) /\ incl short (in_order p c) /\
    forall n,
      runtime p (with_contributors c [Scripted short]) n = runtime p c n /\
      effective p (with_contributors c [Scripted short]) n = effective p c n.
Proof.
  intros p c. exists (last_only (in_order p c)).
  split; [apply last_only_no_two | split; [apply last_only_incl |]]. intros n.
  set (small := with_contributors c [Scripted (last_only (in_order p c))]).
  assert (order : in_order p small = last_only (in_order p c)).
  { unfold in_order at 1. simpl. apply app_nil_r. }
  assert (equal_runtime : runtime p small n = runtime p c n).
  { rewrite !last_contribution_decides. apply finish_congruent; [reflexivity |].
    rewrite order, last_naming_last_only. reflexivity. }
  split; [exact equal_runtime |]. apply effective_congruent; [exact equal_runtime | reflexivity |].
  intros _. unfold legacy_active. destruct p; [| reflexivity ..].
  rewrite order. f_equal.
  pose proof (last_naming_last_only codex_apps (in_order Seed c)) as equal.
  pose proof (last_naming_none codex_apps (in_order Seed c)) as whole.
  pose proof (last_naming_none codex_apps (last_only (in_order Seed c))) as part.
  rewrite equal in part.
  destruct (existsb (names codex_apps) (last_only (in_order Seed c))),
    (existsb (names codex_apps) (in_order Seed c)); try reflexivity; exfalso;
    intuition congruence.
Qed.

(** ** The gate *)

Theorem closed_gate_hides_codex_apps : forall p c,
  gate_open c = false -> effective p c codex_apps = None.
Proof.
  intros p c closed. unfold effective. rewrite closed.
  destruct (same codex_apps codex_apps); [reflexivity | contradiction].
Qed.

Theorem codex_apps_implies_open_gate : forall p c,
  effective p c codex_apps <> None -> apps_on c = true /\ backend_auth c = true.
Proof.
  intros p c there. destruct (gate_open c) eqn:gate; [apply andb_true_iff, gate |].
  destruct there. apply closed_gate_hides_codex_apps, gate.
Qed.

Theorem gate_never_synthesizes : forall p c,
  gate_open c = true -> legacy_active p c = false ->
  effective p c codex_apps = option_map (pass p) (runtime p c codex_apps).
Proof.
  intros p c is_open inactive. unfold effective. rewrite is_open, inactive.
  destruct (same codex_apps codex_apps); [reflexivity | contradiction].
Qed.

(** Only the seed's legacy loader puts a name into [effective] that [runtime] lacks. *)
Theorem effective_adds_no_name : forall p c n,
  effective p c n <> None ->
  runtime p c n <> None \/
  p = Seed /\ n = codex_apps /\ gate_open c = true /\ existsb (names codex_apps) (in_order p c) = false.
Proof.
  intros p c n there. unfold effective in there.
  destruct (runtime p c n) as [s |]; [left; discriminate | right].
  destruct (same n codex_apps) as [is_apps |]; [| contradiction].
  destruct (gate_open c); [| contradiction].
  unfold legacy_active in there. destruct p; [| contradiction ..].
  destruct (existsb (names codex_apps) (in_order Seed c)); [contradiction | tauto].
Qed.

Theorem other_names_pass_the_gate : forall p c n,
  n <> codex_apps -> effective p c n = option_map (pass p) (runtime p c n).
Proof.
  intros p c n other. unfold effective. destruct (same n codex_apps); [contradiction | reflexivity].
Qed.

Theorem auth_matters_to_codex_apps_alone : forall p c auth n,
  runtime p (with_auth c auth) n = runtime p c n /\
  (n <> codex_apps -> effective p (with_auth c auth) n = effective p c n).
Proof.
  intros p c auth n. split; [reflexivity |]. intros other.
  rewrite !other_names_pass_the_gate by exact other. reflexivity.
Qed.

(** In the seed the hosted-apps contributor sets what the legacy loader would put in. *)
Theorem extension_and_fallback_agree : forall c a b n,
  configured c codex_apps = None ->
  (forall o, In o (in_order Seed (with_contributors c (a ++ b))) -> named o <> codex_apps) ->
  effective Seed (with_contributors c (a ++ HostedApps :: b)) n =
  effective Seed (with_contributors c (a ++ b)) n.
Proof.
  intros c a b n absent silent.
  unfold in_order in silent. simpl in silent. rewrite flat_map_app in silent.
  destruct (same n codex_apps) as [is_apps | other].
  - subst n. destruct (gate_open c) eqn:gate.
    2: { rewrite !closed_gate_hides_codex_apps by exact gate. reflexivity. }
    assert (on : apps_on c = true) by (apply andb_true_iff in gate; tauto).
    assert (fallback : effective Seed (with_contributors c (a ++ b)) codex_apps = Some legacy_server).
    { unfold effective. destruct (same codex_apps codex_apps); [| contradiction].
      change (gate_open (with_contributors c (a ++ b))) with (gate_open c). rewrite gate.
      unfold legacy_active, in_order. simpl. rewrite flat_map_app.
      destruct (existsb (names codex_apps) _) eqn:found; [exfalso | reflexivity].
      apply existsb_exists in found. destruct found as [o [is_in own]].
      apply (silent o is_in), names_named, own. }
    rewrite fallback, gate_never_synthesizes; [| exact gate |].
    + unfold runtime, in_order. simpl. rewrite flat_map_app. simpl. rewrite on.
      pose proof (operation_decides_its_name (configured c)
        (flat_map (contributed Seed true) a) (SetServer codex_apps legacy_server)
        (flat_map (contributed Seed true) b)) as decided.
      simpl in decided. rewrite decided; [reflexivity |].
      intros later is_in. apply silent. rewrite on. apply in_or_app. right. exact is_in.
    + unfold legacy_active, in_order. simpl. rewrite flat_map_app, existsb_app. simpl. rewrite on.
      unfold names at 2. simpl. destruct (same codex_apps codex_apps); [| contradiction].
      rewrite orb_true_r. reflexivity.
  - apply (views_are_decided_by_name Seed); [reflexivity .. |].
    unfold in_order. simpl. rewrite !flat_map_app, !filter_app. f_equal. simpl.
    destruct (apps_on c); unfold names at 1; simpl; destruct (same n codex_apps);
      solve [contradiction | reflexivity].
Qed.

(** ** What is disabled stays disabled *)

Theorem disabled_stays_disabled : forall passed c n s,
  disabled_in (configured c) n = true ->
  runtime (DisabledStays passed) c n = Some s -> enabled s = false.
Proof.
  intros passed c n s disabled. apply kept_name_is_disabled, disabled.
Qed.

Theorem disabled_stays_disabled_in_effective : forall passed c n s,
  disabled_in (configured c) n = true ->
  effective (DisabledStays passed) c n = Some s -> enabled s = false.
Proof.
  intros passed c n s disabled there.
  assert (exists r, runtime (DisabledStays passed) c n = Some r /\ enabled s = enabled r) as [r [is_r equal]].
  { unfold effective in there. destruct (runtime (DisabledStays passed) c n) as [r |]; simpl in there.
    - exists r. split; [reflexivity |].
      destruct (same n codex_apps), (gate_open c); inversion there; reflexivity.
    - destruct (same n codex_apps), (gate_open c); discriminate. }
  rewrite equal. exact (disabled_stays_disabled _ _ _ _ disabled is_r).
Qed.

(** The other fields are those that were set, and what was removed stays removed. *)
Theorem disabling_changes_enabled_alone : forall passed c n,
  option_map content_of (runtime (DisabledStays passed) c n) =
  option_map content_of (runtime ThreePhases c n).
Proof.
  intros passed c n. apply keeping_changes_enabled_alone.
Qed.

(** Before, a contribution enabled what the user had disabled. *)
Theorem set_enabled_before : forall (n : name) (s : server content) (p : profile),
  p = Seed \/ p = ThreePhases -> enabled s = true ->
  exists c, disabled_in (configured c) n = true /\ runtime p c n = Some s.
Proof.
  intros n s p before is_enabled.
  exists (Case (fun _ => Some (disable s)) [Scripted [SetServer n s]] false false).
  split; [reflexivity |].
  assert (same_name : names n (SetServer n s) = true) by (apply names_named; reflexivity).
  destruct before; subst p; unfold runtime, in_order, apply, apply_one; simpl; rewrite same_name;
    reflexivity.
Qed.

(** ** Twice is once *)

Theorem contributors_twice_are_contributors_once : forall p c n,
  let twice := with_contributors c (contributors c ++ contributors c) in
  runtime p twice n = runtime p c n /\ effective p twice n = effective p c n.
Proof.
  intros p c n twice.
  assert (order : in_order p twice = in_order p c ++ in_order p c).
  { unfold in_order. simpl. apply flat_map_app. }
  assert (equal_runtime : runtime p twice n = runtime p c n).
  { unfold runtime. rewrite order, apply_composes. apply finish_congruent; [reflexivity |].
    apply applying_twice_is_applying_once. }
  split; [exact equal_runtime |]. apply effective_congruent; [exact equal_runtime | reflexivity |].
  intros _. unfold legacy_active. destruct p; [| reflexivity ..].
  rewrite order, existsb_app, orb_diag. reflexivity.
Qed.

(** Resolving again with what was resolved in place of [configured]. *)
Theorem runtime_resolves_to_itself : forall p c n,
  runtime p (with_configured c (runtime p c)) n = runtime p c n.
Proof.
  intros p c n.
  assert (loaded :
    let loaded := load_first p (apps_on c) in
    loaded (runtime p c) n = loaded (configured c) n \/ loaded (runtime p c) n = runtime p c n).
  { destruct p; simpl; [right; reflexivity | |];
      destruct (same n codex_apps); [left | right | left | right]; reflexivity. }
  simpl in loaded. unfold runtime at 1. simpl configured. simpl apps_on.
  change (in_order p (with_configured c (runtime p c))) with (in_order p c).
  assert (plain : forall (m again : servers) ops, again n = m n \/ again n = apply m ops n ->
    apply again ops n = apply m ops n).
  { intros m again ops from. rewrite !last_operation_decides.
    rewrite last_operation_decides in from.
    destruct (last_naming n ops); [| destruct from]; congruence. }
  destruct p as [| | passed]; simpl finish.
  - apply plain. exact loaded.
  - apply plain. exact loaded.
  - apply keep_again. exact loaded.
Qed.

End Views.
