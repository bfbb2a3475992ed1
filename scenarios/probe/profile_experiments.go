package probe

var profileExperiments = []*experiment{}
